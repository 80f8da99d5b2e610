"""One server's pages."""
