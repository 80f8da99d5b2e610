"""Processes: started in a session of their own, watched, ended together with everything they started."""
