"""A client of the zpack API: what the command line and the portal stand on."""
