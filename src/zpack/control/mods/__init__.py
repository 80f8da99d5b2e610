"""Finding mods at Modrinth and having a server's agent install them."""
