"""Tests of threads: posts, boosts, favourites, timelines."""
