"""The edge: registering servers with the game proxy, and what the proxy tells us back (contract §6)."""
