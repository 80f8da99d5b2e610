"""The whole platform at a glance, for administrators: nodes, containers, and the systems we need."""
