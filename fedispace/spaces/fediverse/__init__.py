"""Spaces as servers tell each other of them: our Event and its collections, and what arrives from others."""
