"""Pure functions from the services' values to text: one for people, one for programs."""
