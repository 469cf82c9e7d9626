"""Turns what features know into what clients are told. Pure: rows in, entities out."""
