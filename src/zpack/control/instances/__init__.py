"""The thing itself: servers, their VMIDs, their owners."""
