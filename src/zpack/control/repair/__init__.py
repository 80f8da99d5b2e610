"""Where the world and its record differ: found, mended as far as allowed, written down."""
