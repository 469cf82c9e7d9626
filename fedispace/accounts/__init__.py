"""People and their relations: profiles, follows, sign-in, OAuth."""
