"""One time line of a server: what was done to it, what went on, what was mended."""
