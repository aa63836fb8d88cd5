"""Which tests get a database, and which databases there are.

A test that asks for `database` runs once on SQLite and once on PostgreSQL, each time on a database of its own; after
it the books are proved. PostgreSQL is the server in GREENLOOP_TEST_DATABASE_URL, else one found on this machine;
without one those tests are skipped and the last lines say so; in CI, where GREENLOOP_TEST_REQUIRE_POSTGRES is set,
they fail. The same goes for tests that want a browser, and GREENLOOP_TEST_REQUIRE_BROWSER.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.faults.skipping import NOT_TRIED
from tests.support.databases import NOWHERE, Database, Engine, Postgres, Sqlite, point_django_at, postgres_url

WITHOUT_DJANGO = ("core", "house", "oracle")
NO_POSTGRES = "there is no PostgreSQL"
NO_BROWSER = "there is no browser"

EXAMPLES = os.environ.get("GREENLOOP_HYPOTHESIS_EXAMPLES")
settings.register_profile(
    "greenloop",
    max_examples=int(EXAMPLES or 50),
    deadline=None,
    derandomize=bool(EXAMPLES or os.environ.get("CI")),
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("greenloop")

os.environ["DJANGO_SETTINGS_MODULE"] = "greenloop.config.settings"
os.environ["GREENLOOP_DATABASE_URL"] = NOWHERE
os.environ["GREENLOOP_HOME"] = tempfile.mkdtemp(prefix="greenloop-test-")
os.environ["GREENLOOP_IDENTITY_KEY"] = "the tests' own key, which seals nobody who exists"
os.environ["GREENLOOP_LOG_KEY"] = "the tests' own key, which signs nothing that anybody reads"
os.environ["GREENLOOP_HOSTS"] = "localhost,127.0.0.1,testserver"
os.environ.pop("GREENLOOP_LANG", None)


def pytest_pycollect_makemodule(module_path: Path) -> None:
    """Start Django before a test module that may import models; core is tested without it."""
    if not set(WITHOUT_DJANGO) & set(module_path.relative_to(Path(__file__).parent).parts[:1]):
        import django

        django.setup()


def pytest_unconfigure() -> None:
    """Remove the home that commands under test wrote to."""
    import shutil

    shutil.rmtree(os.environ["GREENLOOP_HOME"], ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly when PostgreSQL, the browser or a fault was left out."""
    told = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    if left_out := [reason for reason in told if NO_POSTGRES in reason]:
        reason = left_out[0].split(NO_POSTGRES)[1].strip(" :'\")")
        terminalreporter.section("POSTGRESQL WAS NOT TESTED", sep="!", red=True, bold=True)
        terminalreporter.line(f"{len(left_out)} tests that want PostgreSQL were skipped: {reason}.")
        terminalreporter.line(
            "Start a server, or name one: GREENLOOP_TEST_DATABASE_URL=postgresql://user@host/postgres"
        )
    if left_out := [reason for reason in told if NO_BROWSER in reason]:
        terminalreporter.section("NO PAGE WAS OPENED IN A BROWSER", sep="!", red=True, bold=True)
        terminalreporter.line(f"{len(left_out)} tests that want a browser were skipped.")
        terminalreporter.line("Install Debian's chromium, or name a Chromium: GREENLOOP_TEST_BROWSER=/path/to/chromium")
    if left_out := [reason for reason in told if NOT_TRIED in reason]:
        terminalreporter.section("FAULTS WERE LEFT OUT", sep="!", red=True, bold=True)
        for why in sorted({reason.split(NOT_TRIED)[1].strip(" :'\")") for reason in left_out}):
            terminalreporter.line(f"Tests of faults were skipped: {why}.")


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def db_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A migrated template on one kind of database, from which each test's own is cloned."""
    engine: Engine
    if request.param == "sqlite":
        engine = Sqlite(tmp_path_factory.mktemp("databases"))
    else:
        url, reason = postgres_url()
        if url is None:
            if os.environ.get("GREENLOOP_TEST_REQUIRE_POSTGRES"):
                pytest.fail(f"GREENLOOP_TEST_REQUIRE_POSTGRES is set, but {NO_POSTGRES}: {reason}")
            pytest.skip(f"{NO_POSTGRES}: {reason}")
        engine = Postgres(url)
    yield engine
    engine.close()


@pytest.fixture
def database(
    db_engine: Engine, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Database]:
    """A migrated, empty database that is this test's alone; Django and any command the test starts use it."""
    from django.db import connections

    from tests.support import assert_books_hold

    with db_engine.clone() as own:
        monkeypatch.setenv("GREENLOOP_DATABASE_URL", own.url)
        monkeypatch.setenv("GREENLOOP_HOME", str(tmp_path))
        point_django_at(own.url)
        try:
            yield own
            connections.close_all()
            if request.node.get_closest_marker("books_broken_on_purpose") is None:
                assert_books_hold()
        finally:
            point_django_at(NOWHERE)
