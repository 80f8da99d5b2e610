"""Makes what containers are made of: the agent's wheel and releases, and the template."""
