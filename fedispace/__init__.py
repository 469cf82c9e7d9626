"""fedispace: a federated server for threads and live audio Spaces."""

__version__ = "0.1.0"
