"""Spaces and tickets, as our own API tells them."""

from collections.abc import Iterable
from datetime import datetime

from fedispace.api.entities import space as entities
from fedispace.api.present.accounts import AccountPresenter
from fedispace.clock import iso
from fedispace.spaces import access
from fedispace.spaces.details import speak_policy_from
from fedispace.spaces.entry.admission import Admission
from fedispace.spaces.lifecycle import parse_phase
from fedispace.spaces.views import SpaceView


class SpacePresenter:
    """Presents Spaces with their host and who speaks."""

    def __init__(self, accounts: AccountPresenter) -> None:
        self._accounts = accounts

    def space(self, view: SpaceView) -> entities.Space:
        row = view.space
        return entities.Space(
            id=str(row.id),
            uri=row.uri,
            url=row.url,
            title=row.title,
            description=row.description,
            state=parse_phase(row.state).value,
            access=access.parse_access(row.access),
            host=self._accounts.account(view.host),
            speakers=self._accounts.accounts(view.speakers, {}),
            topics=[str(topic) for topic in row.topics or ()],
            language=row.language or None,
            speak_policy=speak_policy_from(row.speak_policy),
            about_id=None if row.about_id is None else str(row.about_id),
            starts_at=iso(row.starts_at),
            started_at=_time(row.started_at),
            ended_at=_time(row.ended_at),
            listener_count=view.listener_count,
        )

    def spaces(self, views: Iterable[SpaceView]) -> list[entities.Space]:
        return [self.space(view) for view in views]


def admission_of(admission: Admission) -> entities.Admission:
    return entities.Admission(
        role=admission.role,
        ticket=admission.ticket,
        whep_url=admission.whep_url,
        whip_url=admission.whip_url,
        signal_url=admission.signal_url,
        expires_at=_time(admission.expires_at),
        blocked_on_stage=admission.blocked_on_stage,
    )


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
