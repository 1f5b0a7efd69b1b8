"""Real parts that tests start and stop: processes, proxies, browsers."""
