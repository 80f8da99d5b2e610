"""Cloudflare's API v4 for DNS records, in the shapes it documents and that were recorded of it."""
