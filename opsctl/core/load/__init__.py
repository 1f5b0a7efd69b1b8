"""What a load simulation is made of, and what came of it: pure values, no process and no socket."""
