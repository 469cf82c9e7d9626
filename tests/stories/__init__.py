"""What people do in a Space, from their first click to the last word, in real browsers on real servers."""
