"""The portal: pages for people, rendered here, that know the platform through its HTTP API alone."""
