"""Public ports of games that are reached by number, and what Traefik is told of them (contract §6.5)."""
