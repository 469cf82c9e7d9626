"""What ActivityPub can say, as frozen dataclasses. Import from the module that defines the word."""
