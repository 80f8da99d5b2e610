"""The browser's way into a dev container: its IDE and its ports, by path and by host name."""
