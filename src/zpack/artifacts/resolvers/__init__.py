"""How each vendor's published download API is read: pure functions over its documented answers."""
