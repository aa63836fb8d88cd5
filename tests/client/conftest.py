"""The plain town's server, as a process, and the baker's tills, which call it with the client."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from greenloop_client import Client
from tests.support.databases import Database

Tills = Callable[..., Client]


@pytest.fixture
def tills(database: Database, tmp_path: Path) -> Iterator[Tills]:
    """What opens a till of the baker's at a served town; `signs=True` for one that signs."""
    from tests.support.calling import till_of
    from tests.support.serving import served
    from tests.support.town import found_town

    found_town()
    token = till_of("baker").token
    opened: list[Client] = []
    known = {"GREENLOOP_IDENTITY_KEY": os.environ["GREENLOOP_IDENTITY_KEY"]}
    with served(database.url, tmp_path, [], "--no-clock", **known) as site:

        def till(*, signs: bool = False) -> Client:
            opened.append(Client(site.base, token, signs=signs))
            return opened[-1]

        yield till
        for each in opened:
            each.close()
