"""A stand-in for the third-party avatar API: its own process, its own cats, and knobs that make it misbehave."""
