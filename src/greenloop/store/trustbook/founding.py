"""Making a trust book: a file beside the business's, or the tables and roles of a database on a server."""

from collections.abc import Mapping
from dataclasses import dataclass

from greenloop.store.trustbook import place, roles, tables
from greenloop.store.trustbook.session import opened


@dataclass(frozen=True, slots=True)
class Founded:
    """What was done: whether tables were `made`, their version, and the passwords drawn for new roles, by role."""

    made: bool
    version: int
    passwords: Mapping[str, str]


def found_file() -> bool:
    """Make the trust book's file if it is a file that isn't there yet; tell whether it was made."""
    url, file = place.address(), place.file()
    if url is None or file is None:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    with opened(url, new=True) as session:
        return tables.make(session)


def create(url: str, *, keeper: str, reader: str) -> Founded:
    """Make the tables at `url`, as their owner, unless they are there, and on a server the roles and what each may.

    :raises Refusal: the tables there are of another release.
    """
    with opened(url, new=True) as session:
        made = tables.make(session)
        tables.ensure_version(session)
        drawn = roles.grant(session, keeper=keeper, reader=reader) if session.is_postgresql else {}
    return Founded(made, tables.VERSION, drawn)
