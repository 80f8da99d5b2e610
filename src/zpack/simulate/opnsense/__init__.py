"""OPNsense for those who forward ports: port forwards, aliases, savepoints and roll-back, faults."""
