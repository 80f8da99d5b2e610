"""Foreign systems to rehearse the platform against: programs of their own, with the documented APIs."""
