"""Operate kill switches from the command line, and prove that everyone followed."""

__version__ = "0.1.0"
