"""Where our own actors and objects live. The one place that knows the shape of our URIs."""

from urllib.parse import quote

from fedispace.federation.vocab.uri import Uri, parse_uri


class Addresses:
    """Makes our URIs from the instance's origin (`https://a.example`)."""

    def __init__(self, origin: str, account_domain: str) -> None:
        self.origin = origin
        self.account_domain = account_domain
        self.host = origin.split("://", 1)[1]

    def _at(self, path: str) -> Uri:
        return parse_uri(self.origin + path)

    def is_ours(self, uri: str) -> bool:
        """Tell whether `uri` is on this instance."""
        return uri == self.origin or uri.startswith(self.origin + "/")

    @property
    def instance_actor(self) -> Uri:
        return self._at("/actor")

    @property
    def shared_inbox(self) -> Uri:
        return self._at("/inbox")

    def actor(self, username: str) -> Uri:
        return self._at(f"/users/{username}")

    def collection(self, actor: str, name: str) -> Uri:
        """Return an actor's `inbox`, `outbox`, `followers`, `following` or `featured`."""
        return parse_uri(f"{actor}/{name}")

    def rsa_key(self, actor: str) -> Uri:
        return parse_uri(f"{actor}#main-key")

    def ed25519_key(self, actor: str) -> Uri:
        return parse_uri(f"{actor}#ed25519-key")

    def profile(self, username: str) -> Uri:
        """Return the page of a person."""
        return self._at(f"/@{username}")

    def status(self, username: str, status_id: int) -> Uri:
        return self._at(f"/users/{username}/statuses/{status_id}")

    def status_page(self, username: str, status_id: int) -> Uri:
        return self._at(f"/@{username}/{status_id}")

    def context(self, conversation_id: int) -> Uri:
        return self._at(f"/contexts/{conversation_id}")

    def activity(self, activity_id: int) -> Uri:
        """Return the id of an activity that has no better name of its own."""
        return self._at(f"/activities/{activity_id}")

    def authorization(self, username: str, authorization_id: int) -> Uri:
        """Return where a person's word that somebody may interact with a post of theirs is shown."""
        return self._at(f"/users/{username}/authorizations/{authorization_id}")

    def space(self, space_id: int) -> Uri:
        return self._at(f"/spaces/{space_id}")

    def space_page(self, username: str, space_id: int) -> Uri:
        return self._at(f"/@{username}/spaces/{space_id}")

    def emoji(self, shortcode: str) -> Uri:
        return self._at(f"/emojis/{shortcode}")

    def tag(self, name: str) -> Uri:
        """Return the page of a hashtag; other people's may hold spaces, slashes and question marks."""
        return self._at(f"/tags/{quote(name, safe='')}")
