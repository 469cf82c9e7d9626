"""What happened, as Mastodon's clients read it."""

from collections.abc import Mapping, Sequence

from fedispace.accounts.models import Account, Notification
from fedispace.api.entities import notification as entities
from fedispace.api.entities.status import Status
from fedispace.api.present.accounts import AccountPresenter
from fedispace.clock import iso
from fedispace.errors import NotFound

WITHOUT_A_POST = frozenset({"follow", "follow_request"})
_UNGROUPED = "ungrouped-"

POLICY = entities.NotificationPolicy(
    for_not_following="accept",
    for_not_followers="accept",
    for_new_accounts="accept",
    for_private_mentions="accept",
    for_limited_accounts="accept",
    summary=entities.PolicySummary(pending_requests_count=0, pending_notifications_count=0),
)


class NotificationPresenter:
    """Presents notifications with the account and the post they are about."""

    def __init__(self, accounts: AccountPresenter) -> None:
        self._accounts = accounts

    def notifications(
        self, rows: Sequence[Notification], people: Mapping[int, Account], posts: Mapping[int, Status]
    ) -> list[entities.Notification]:
        """Return those whose account is known, and whose post still is when they are about one."""
        return [
            entities.Notification(
                id=str(row.id),
                type=row.type,
                group_key=f"{_UNGROUPED}{row.id}",
                created_at=iso(row.created_at),
                account=self._accounts.account(people[row.from_id]),
                status=posts.get(row.subject),
                report=None,
                event=None,
                moderation_warning=None,
            )
            for row in rows
            if row.from_id in people and (row.type in WITHOUT_A_POST or row.subject in posts)
        ]


def grouped(shown: Sequence[entities.Notification]) -> entities.GroupedNotifications:
    """Return notifications as groups of one, each account and post told once."""
    return entities.GroupedNotifications(
        accounts=list({each.account.id: each.account for each in shown}.values()),
        partial_accounts=[],
        statuses=list({each.status.id: each.status for each in shown if each.status}.values()),
        notification_groups=[
            entities.NotificationGroup(
                group_key=each.group_key,
                notifications_count=1,
                type=each.type,
                most_recent_notification_id=each.id,
                page_min_id=each.id,
                page_max_id=each.id,
                latest_page_notification_at=each.created_at,
                sample_account_ids=[each.account.id],
                status_id=each.status.id if each.status else None,
                report=None,
                event=None,
                moderation_warning=None,
            )
            for each in shown
        ],
    )


def id_in(group_key: str) -> int:
    """Return the notification a group key stands for; raises `NotFound` for one we never made."""
    digits = group_key.removeprefix(_UNGROUPED)
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 18:
        raise NotFound("There is no such group.")
    return int(digits)
