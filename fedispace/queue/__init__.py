"""Durable jobs, the worker, and the bus that carries what may be lost."""
