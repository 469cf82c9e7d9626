"""The test ground: real servers, real peers and real browsers on the loopback interface.

A run owns one random /24 of 127/8. Every server is a named host on an address of its own in it, so
that port 443 is free for each, limits per address can be tested, and two runs on one machine never
meet. What is started is stopped by its process id.
"""
