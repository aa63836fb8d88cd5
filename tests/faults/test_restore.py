"""The disk is lost while tills sell, and the books come back from the archive: as they were at an instant, or all."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from greenloop.services.ids import EPOCH_MS
from tests.faults.archived import EVERY_S, Clocked, Site, lose, site
from tests.faults.counting import count
from tests.faults.profile import PROFILE, Tally, tallied
from tests.faults.tills import django_at
from tests.faults.trade import found_alliance
from tests.support.ledger import fetch, whole_database

# SQLite's log is archived at an interval, PostgreSQL's as it is written; a busy machine takes its time over both.
LATE = timedelta(seconds=EVERY_S + 0.3)
LATE_MAX = timedelta(seconds=5)


def sell(site: Site, name: str) -> Clocked:
    """Start a till, and let it sell for long enough that some of it was archived when this ends."""
    till = Clocked(name, site.url, site.home)
    till.start().wait_for_more(2)
    time.sleep(3 * LATE.total_seconds() * PROFILE.scale)
    return till


def missing(tally: Tally, till: Clocked, by: datetime) -> int:
    """Count the orders that were acknowledged by then and aren't in the database that is read now."""
    acknowledged = till.sold_by(by)
    assert acknowledged, f"nothing was acknowledged by {by}, so nothing is tried"
    tally.counts["compared"] += len(acknowledged)
    return len(acknowledged - numbers())


def numbers() -> set[str]:
    return {number for (number,) in fetch("SELECT order_no FROM orders WHERE order_no LIKE '%%-%%-%%'")}


def newest() -> datetime:
    """Return when the newest order was written: its number begins with the milliseconds of its writer's clock."""
    made_ms = (int(fetch("SELECT MAX(id) FROM orders")[0][0]) >> 22) + EPOCH_MS
    return datetime.fromtimestamp(made_ms / 1000, UTC)


@contextmanager
def restored(tally: Tally, site: Site, name: str, *until: datetime) -> Iterator[datetime]:
    """Restore, note how long it took, read the restored database until the block ends; give of when it says it is."""
    told = site.restore(name, *(at.isoformat() for at in until))
    assert told["broken"] == []
    assert told["proofs"] > 40
    tally.counts["restores"] += 1
    for what, much in (("restore_ms", told["restored_seconds"] * 1000), ("rows", sum(told["rows"].values()))):
        tally.counts[f"{what}_max"] = max(tally.counts[f"{what}_max"], round(much))
    with site.opened(name) as url, django_at(url):
        yield datetime.fromisoformat(told["at"])


def note_late(tally: Tally, asked: datetime, came: datetime) -> None:
    """Note how much older than asked for the restored books are; they are never newer."""
    assert timedelta(0) <= asked - came < LATE_MAX
    tally.counts["late_ms_max"] = max(tally.counts["late_ms_max"], (asked - came) // timedelta(milliseconds=1))


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_restore_to_an_instant_holds_exactly_what_was_acknowledged_by_then(engine: str, tmp_path: Path) -> None:
    with site(engine, tmp_path) as own, tallied("disk lost, restored to an instant", engine) as tally:
        with django_at(own.url):
            found_alliance()
        with own.followed() as follower:
            first = sell(own, "a")
            busy_at = datetime.now(UTC)
            first.wait_for_more(4)
            first.finish()
            with django_at(own.url):
                calm = whole_database()
            time.sleep(2 * LATE.total_seconds() * PROFILE.scale)
            calm_at = datetime.now(UTC)
            second = sell(own, "b")
            lose(follower)
            lost_at = datetime.now(UTC)
            second.wait_for_more(2)
            second.finish()

        with restored(tally, own, "calm", calm_at):
            assert whole_database() == calm
            count(tally, [first])
        with restored(tally, own, "busy", busy_at) as at:
            note_late(tally, busy_at, at)
            tally.lost += missing(tally, first, at - LATE)
            assert newest() <= busy_at
            assert len(numbers()) < len(first.sold_by(lost_at))
        with restored(tally, own, "all") as at:
            note_late(tally, lost_at, at)
            tally.lost += missing(tally, first, lost_at) + missing(tally, second, at - LATE)
            tally.prove_books()
        tally.assert_exact()
