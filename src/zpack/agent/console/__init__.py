"""What the workload says, and what may be said to it."""
