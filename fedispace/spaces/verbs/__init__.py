"""What people do in a room and with it: each verb is one transaction, and the word to those it concerns."""
