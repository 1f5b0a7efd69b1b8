"""The instructions of semantic patches: pure functions, one file per thing they change.

An instruction takes the value it changes, its own JSON, and the scope it runs in, and returns the changed value or
raises `ApiError` (400). It never changes what it was given, so that a patch that fails half-way has changed nothing.
"""
