"""Reading the collections that list posts of a conversation: `contextHistory`, `context`, `replies`.

A collection is its owner's word about what belongs together, and nothing else: each post is fetched
from its own server. It may be endless, lead in circles, or claim a thousand million members.
"""

from dataclasses import dataclass
from typing import Final

from fedispace.errors import Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation.allowance import Allowance, Spent
from fedispace.federation.origin import same_origin
from fedispace.federation.resolve import Resolver
from fedispace.federation.vocab.objects import Collection, CollectionPage
from fedispace.federation.vocab.uri import Uri

MAX_PAGES: Final = 10
MAX_ITEMS: Final = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The posts a collection names, how many it says it has, and whether it was read to its end."""

    posts: tuple[Uri, ...] = ()
    total: int | None = None
    is_whole: bool = True


async def listed(
    resolver: Resolver, allowance: Allowance, uri: Uri, page: CollectionPage | None = None
) -> Listed:
    """Read a collection, beginning with its first `page` if that is known already.

    Pages are followed on the collection's own server only, each once. Raises what `Resolver.document`
    raises for the collection itself; a later page that cannot be had ends the list.
    """
    total: int | None = None
    if page is None:
        first = await resolver.document(uri, allowance=allowance)
        if not isinstance(first, Collection | CollectionPage):
            return Listed()
        total = first.total_items
        found, following = dict.fromkeys(first.posts), _after(first)
    else:
        found, following = dict.fromkeys(page.posts), page.next
    seen, is_whole = {uri}, True
    while following is not None and following not in seen and same_origin(following, uri):
        if len(seen) >= MAX_PAGES or len(found) >= MAX_ITEMS:
            is_whole = False
            break
        seen.add(following)
        try:
            more = await resolver.document(following, allowance=allowance)
        except (Gone, Invalid, NotFound, Refused, Unavailable, Spent):
            is_whole = False
            break
        if not isinstance(more, Collection | CollectionPage):
            break
        found |= dict.fromkeys(more.posts)
        following = _after(more)
    posts = tuple(found)
    return Listed(posts=posts[:MAX_ITEMS], total=total, is_whole=is_whole and len(posts) <= MAX_ITEMS)


def _after(read: Collection | CollectionPage) -> Uri | None:
    """Return the page to read after this one."""
    if isinstance(read, CollectionPage):
        return read.next
    if read.first_page is not None:
        return read.first_page.next
    return None if read.posts else read.first
