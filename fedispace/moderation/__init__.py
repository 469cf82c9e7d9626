"""What is let in. Asked by everyone, in one place."""
