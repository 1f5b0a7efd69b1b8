"""Use cases: each takes its collaborators as ports, and returns values."""
