"""The `fedispace` command."""
