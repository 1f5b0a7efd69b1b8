"""What client-side and mobile SDKs ask for: flags that are evaluated here, for the context that they name."""
