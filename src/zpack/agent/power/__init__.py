"""Starts, watches, restarts and stops the workload; one operation at a time."""
