"""Sound, now: the selective forwarding unit (SFU) and the client that commands it."""
