"""What each account is entitled to: its plan, its limits, and what its standing still allows."""
