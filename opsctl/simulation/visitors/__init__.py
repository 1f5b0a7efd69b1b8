"""Many visitors of pages in one process or several: Locust as a library, driven by lines of JSON.

`python -m opsctl.simulation.visitors` reads commands from its standard input, and writes what it did to its standard
output; `__main__` says which. Nothing else imports Locust, which patches the standard library when it is imported.
"""
