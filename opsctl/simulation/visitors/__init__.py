"""Many visitors of pages in one process or several: Locust as a library, driven by lines of JSON.

`python -m opsctl.simulation.visitors` reads commands from its standard input, and writes what it did to its standard
output; `__main__` says which. Nothing else imports Locust, which patches the standard library when it is imported.

A page of 16 KB costs a process 0.35 to 0.55 ms of a core, so that one makes about 2,000 pages a second at most, and two
twice as many where there are cores for them. Visitors come at 1,500 to 3,000 a second at most. (Measured on two cores
beside other work, against a server that sends the same bytes again and again.)
"""
