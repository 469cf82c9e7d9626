"""The door for programs: Mastodon's client API, our own for threads and Spaces, WHIP and WHEP."""
