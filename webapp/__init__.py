"""The social feed that a kill switch degrades and restores."""
