"""Who did what. Every mutation writes a row; nobody reads them for decisions."""
