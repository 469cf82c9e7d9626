"""The door for programs: Mastodon's client API, the native API, WHIP and WHEP."""
