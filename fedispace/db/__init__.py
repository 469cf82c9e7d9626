"""The engine and the transaction."""
