"""Looks for what operators get wrong, and says what to do about it (`fedispace doctor`)."""
