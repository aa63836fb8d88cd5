"""One bundle of a town in which everything happened, for all who forge it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import NOWHERE, Sqlite, point_django_at


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    from django.db import connections

    from greenloop.insight.bundle import write_bundle
    from greenloop.sim.town import build_town

    engine = Sqlite(tmp_path_factory.mktemp("town"))
    folder = tmp_path_factory.mktemp("bundle")
    with engine.clone() as own:
        point_django_at(own.url)
        try:
            build_town(seed=1)
            write_bundle(folder=folder)
        finally:
            connections.close_all()
            point_django_at(NOWHERE)
    yield folder
    engine.close()
