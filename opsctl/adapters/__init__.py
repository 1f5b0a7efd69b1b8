"""The outside world, one external thing per file."""
