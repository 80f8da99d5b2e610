"""What the benchmarks share: a database with rows, and many scripted agents."""
