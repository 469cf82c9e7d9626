"""Posts and the timelines they make."""
