"""What happens in a room, as it happens: events to those in it, reactions, and the thread."""
