"""Ways back into an account: forgotten and changed passwords, and proof that a mailbox is its owner's."""
