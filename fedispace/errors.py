"""The errors of the domain.

They carry no HTTP. `detail` is one sentence that is safe to show a stranger; everything else
belongs in the chained exception. Each door (`api/`, `web/`, `federation/http.py`) translates
the class to its own form.
"""


class FedispaceError(Exception):
    """Any error this project raises on purpose."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(FedispaceError):
    """It does not exist, or the asker may not know that it does (the two are never told apart)."""


class Gone(FedispaceError):
    """It existed and was deleted."""


class Forbidden(FedispaceError):
    """The asker is known and may not do this."""


class Unauthenticated(FedispaceError):
    """The asker must sign in, or the token is not valid."""


class Invalid(FedispaceError):
    """The input is not acceptable; `field` names the culprit when there is one."""

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field


class TooLarge(Invalid):
    """There is more of the input than we read."""


class Conflict(FedispaceError):
    """The request is sound but the present state does not allow it."""


class Outdated(FedispaceError):
    """The asker goes by a state that is no more; with the present one it may be asked again."""


class IllegalStep(Conflict):
    """A life cycle does not have this transition."""


class RateLimited(FedispaceError):
    """Too many requests; `retry_after` is in seconds."""

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


AWAY_SECONDS = 30
"""After how long whoever met something `Unavailable` may ask again."""


class Unavailable(FedispaceError):
    """Something we need is not there now; asking again later may work."""


class Busy(Unavailable):
    """There is no room for more just now; `retry_after` is in seconds."""

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class DatabaseAway(Unavailable):
    """The database does not answer, is starting or is shutting down."""

    def __init__(self) -> None:
        super().__init__("The database is away; please try again shortly.")


class ConfigError(FedispaceError):
    """The operator's configuration cannot be used; `detail` is the one line the command prints."""


class Refused(FedispaceError):
    """A federated request or document was refused.

    `reason` is the short code of the log and the metrics (`sig_missing`, `addr_private`, ...);
    `status` is the HTTP status the federation door answers with.
    """

    def __init__(self, reason: str, detail: str = "", *, status: int = 401) -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.status = status
