"""What a dev container has instead of a game: a runtime, a workspace, and the browser IDE."""
