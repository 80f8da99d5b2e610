"""The daemon in every container: installs one workload, supervises it, and says truthfully how it is."""

VERSION = "v0.1.0"
