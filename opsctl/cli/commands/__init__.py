"""One module a verb. Commands never import each other."""
