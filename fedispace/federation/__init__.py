"""Speaks ActivityPub; knows no product."""
