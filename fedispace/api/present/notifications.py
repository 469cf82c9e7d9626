"""What happened, as Mastodon's clients read it."""

from collections.abc import Mapping, Sequence

from fedispace.accounts.gate import ABOUT_SPACES, ungrouped
from fedispace.accounts.models import Account, Notification
from fedispace.accounts.notification_groups import Group
from fedispace.accounts.notification_policy import Summary
from fedispace.api.entities import notification as entities
from fedispace.api.entities.status import Status
from fedispace.api.present.accounts import AccountPresenter
from fedispace.clock import iso

WITHOUT_A_POST = frozenset({"follow", "follow_request", *ABOUT_SPACES})


def policy(says: Mapping[str, str], held_back: Summary) -> entities.NotificationPolicy:
    return entities.NotificationPolicy(
        **says,
        summary=entities.PolicySummary(
            pending_requests_count=held_back.requests, pending_notifications_count=held_back.notifications
        ),
    )


class NotificationPresenter:
    """Presents notifications with the account and the post they are about."""

    def __init__(self, accounts: AccountPresenter) -> None:
        self._accounts = accounts

    def notifications(
        self,
        rows: Sequence[Notification],
        people: Mapping[int, Account],
        moved: Mapping[int, Account],
        posts: Mapping[int, Status],
    ) -> list[entities.Notification]:
        """Return those whose account is known, and whose post still is when they are about one."""
        return [
            entities.Notification(
                id=str(row.id),
                type=row.type,
                group_key=row.group_key or ungrouped(row.id),
                created_at=iso(row.created_at),
                account=self._accounts.account(people[row.from_id], moved.get(row.from_id)),
                status=posts.get(row.subject),
                report=None,
                event=None,
                moderation_warning=None,
            )
            for row in rows
            if row.from_id in people and (row.type in WITHOUT_A_POST or row.subject in posts)
        ]


def grouped(
    groups: Sequence[Group],
    people: Sequence[Account],
    moved: Mapping[int, Account],
    posts: Mapping[int, Status],
    accounts: AccountPresenter,
) -> entities.GroupedNotifications:
    """Return groups with each account and post told once; one about a post that is gone is left out."""
    known = {account.id for account in people}
    shown = [
        group
        for group in groups
        if group.newest.from_id in known
        and (group.newest.type in WITHOUT_A_POST or group.newest.subject in posts)
    ]
    named = {from_id for group in shown for from_id in group.from_ids}
    about = dict.fromkeys(group.newest.subject for group in shown if group.newest.subject in posts)
    return entities.GroupedNotifications(
        accounts=accounts.accounts((account for account in people if account.id in named), moved),
        partial_accounts=[],
        statuses=[posts[id_] for id_ in about],
        notification_groups=[
            entities.NotificationGroup(
                group_key=group.key,
                notifications_count=group.count,
                type=group.newest.type,
                most_recent_notification_id=str(group.newest.id),
                page_min_id=str(group.oldest_id),
                page_max_id=str(group.newest.id),
                latest_page_notification_at=iso(group.newest.created_at),
                sample_account_ids=[str(from_id) for from_id in group.from_ids if from_id in known],
                status_id=str(group.newest.subject) if group.newest.subject in posts else None,
                report=None,
                event=None,
                moderation_warning=None,
            )
            for group in shown
        ],
    )
