"""The command line: commands parse, call one service, and render what it returned."""
