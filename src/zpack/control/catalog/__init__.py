"""What can be created: games, variants and versions that the artifact store holds."""
