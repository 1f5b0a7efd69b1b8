"""What every long-running process of the project shares: its listener, its ready file, and when to stop."""
