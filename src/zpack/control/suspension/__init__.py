"""Keeping the servers of suspended accounts down, and bringing back what ran before."""
