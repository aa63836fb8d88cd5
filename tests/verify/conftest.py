"""One bundle of a town in which everything happened, its root published and its log signed, for all who forge it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.databases import NOWHERE, Sqlite, point_django_at

AFTER_ALL = datetime(2026, 3, 1, tzinfo=UTC)


def lived() -> None:
    from greenloop.services.trust.log.keeping import sign_log
    from greenloop.services.trust.log.sealing import seal_journals
    from greenloop.services.trust.roots import build, publish_root
    from greenloop.sim.town import build_town
    from greenloop.store.queries.liabilities import last_settled

    build_town(seed=1)
    cycle = last_settled()
    assert cycle is not None
    publish_root(built=build(cycle=cycle, at=AFTER_ALL), at=AFTER_ALL)
    seal_journals(at=AFTER_ALL)
    sign_log(at=AFTER_ALL)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    from django.db import connections

    from greenloop.insight.bundle import write_bundle

    engine = Sqlite(tmp_path_factory.mktemp("town"))
    folder = tmp_path_factory.mktemp("bundle")
    with engine.clone() as own:
        point_django_at(own.url)
        try:
            lived()
            write_bundle(folder=folder)
        finally:
            connections.close_all()
            point_django_at(NOWHERE)
    yield folder
    engine.close()
