"""The files of a running server, passed on from its agent, whose policy alone counts."""
