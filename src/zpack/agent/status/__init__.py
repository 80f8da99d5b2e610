"""How the workload is: asked of itself, never guessed from a process that happens to run."""
