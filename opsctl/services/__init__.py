"""The use cases, each made of ports that `opsctl.wiring` fills."""
