"""The REST API, version 20240415: one file per noun."""
