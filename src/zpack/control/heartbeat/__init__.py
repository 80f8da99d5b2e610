"""What the agents say: polled, never pushed (rows S11, S12)."""
