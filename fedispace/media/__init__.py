"""Bytes that are seen or heard."""
