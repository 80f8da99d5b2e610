"""The artifact store: what servers are installed from, how it got here, and proof that it is unchanged."""
