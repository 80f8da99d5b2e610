"""Accounts and their roles, for administrators; and the audit, of which everybody sees the own part."""
