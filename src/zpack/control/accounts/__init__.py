"""Who is asking: accounts, passwords, tokens, roles."""
