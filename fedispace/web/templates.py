"""The pages' words and shapes: Jinja templates that are given plain values and escape everything."""

from collections.abc import Callable
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from fedispace.web import times
from fedispace.web.assets import Assets
from fedispace.web.cards import GuestCard, Reader, Side

_LARGE = 1000


class Templates:
    """Renders pages; a name that is not given is an error, not an empty place."""

    def __init__(
        self,
        assets: Assets,
        *,
        instance: str,
        account_domain: str,
        version: str,
        takes_visitors: bool = True,
    ) -> None:
        environment = Environment(
            loader=PackageLoader("fedispace.web", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(
            asset=assets.url,
            icons=assets.url("icons.svg"),
            instance=instance,
            account_domain=account_domain,
            version=version,
            takes_visitors=takes_visitors,
            ago=times.ago,
            ahead=times.ahead,
            exact=times.exact,
            length=times.length,
            stamp=times.stamp,
            since=times.since,
        )
        environment.filters["figure"] = figure
        self._environment = environment

    def page(
        self,
        name: str,
        /,
        *,
        now: datetime,
        here: str,
        reader: Reader | None = None,
        guest: GuestCard | None = None,
        side: Side | None = None,
        notice: str = "",
        **values: object,
    ) -> str:
        """Render a whole page in its frame."""
        template = self._environment.get_template(name)
        return template.render(
            now=now, here=here, reader=reader, guest=guest, side=side, notice=notice, **values
        )

    def piece(self, name: str, macro: str, *arguments: object, **context: object) -> str:
        """Render one macro on its own: the piece a script puts in place of the old one."""
        template = self._environment.get_template(name)
        drawn: Callable[..., object] = getattr(template.make_module(dict(context)), macro)
        return str(drawn(*arguments))


def figure(number: int) -> str:
    """Return a count in the space a card has for it: 999, 1.2k, 34k, 1.1m."""
    for size, letter in ((_LARGE * _LARGE, "m"), (_LARGE, "k")):
        if number >= size:
            short = number / size
            return f"{short:.1f}".rstrip("0").rstrip(".") + letter if short < 10 else f"{int(short)}{letter}"
    return str(number)
