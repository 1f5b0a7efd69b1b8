"""What is written of a simulation: a page with plots that opens anywhere, pictures, JSON and CSV."""
