"""Carrying out instructions that were stored: by an approval, at a scheduled time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.flagservice.conflicts import Setting
from opsctl.flagservice.pending_auditing import pending_entry

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from opsctl.flagservice.auditing import Author
    from opsctl.flagservice.model import Flag
    from opsctl.flagservice.pending_model import Place
    from opsctl.flagservice.store import Store


def setting_of(store: Store, project: str) -> Setting:
    """Return what instructions are carried out among, as it is now."""
    return Setting(store.flags(project), store.ledger.now_ms())


def carry_out(
    store: Store,
    place: Place,
    instructions: Sequence[Mapping[str, Any]],
    author: Author,
    action: str,
    also: Callable[[sqlite3.Connection], None],
) -> Flag:
    """Change the flag as the instructions say, and return it. `also` writes in the same transaction.

    Instructions that change nothing have an audit entry too, by the name of `action`.

    Raises:
        ApiError: 404; 400, they cannot be carried out.
        sqlite3.Error: the disk refused; nothing changed.
    """
    setting = setting_of(store, place.project)

    def plan(flag: Flag) -> Flag:
        return setting.after(flag, place.environment, instructions)

    flag = store.flag(place.project, place.flag)
    if store.preview_flag(place.project, place.flag, plan) is not flag:
        return store.change_flag(place.project, place.flag, plan, author, also)
    with store.ledger.write(pending_entry(flag, place, author, action, "left as it was the flag")) as connection:
        also(connection)
    return flag
