"""Links between resources, and pages of collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from opsctl.flagservice.responses import JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opsctl.flagservice.rest.call import Call

API = "/api/v2"
DEFAULT_LIMIT = 20
_LARGEST_LIMIT = 1000
_Item = TypeVar("_Item")


def link(href: str) -> dict[str, str]:
    """Return a link to another resource."""
    return {"href": href, "type": JSON}


def page(
    call: Call,
    items: Sequence[_Item],
    represent: Callable[[_Item], dict[str, Any]],
    *,
    default_limit: int = DEFAULT_LIMIT,
) -> dict[str, Any]:
    """Return the part of a collection that the call's `limit` and `offset` ask for, with links to the others."""
    limit = max(1, call.number("limit", default_limit, at_most=_LARGEST_LIMIT))
    offset = call.number("offset", 0)
    total = len(items)
    links = {"self": link(address(call))}
    if offset > 0:
        links["first"] = link(_page_address(call, limit, 0))
        links["prev"] = link(_page_address(call, limit, max(0, offset - limit)))
    if offset + limit < total:
        links["next"] = link(_page_address(call, limit, offset + limit))
        links["last"] = link(_page_address(call, limit, (total - 1) // limit * limit))
    shown = [represent(item) for item in items[offset : offset + limit]]
    return {"items": shown, "_links": links, "totalCount": total}


def address(call: Call, **changes: str) -> str:
    """Return where the call went, with some of its query parameters changed."""
    query = [(name, value) for name, value in call.request.args.items(multi=True) if name not in changes]
    query += changes.items()
    return f"{call.request.path}?{urlencode(query)}" if query else call.request.path


def _page_address(call: Call, limit: int, offset: int) -> str:
    return address(call, limit=str(limit), offset=str(offset))
