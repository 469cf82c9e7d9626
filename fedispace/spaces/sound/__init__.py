"""The audio servers as the features see them: where a room sounds, who is in it, and that rows are obeyed."""
