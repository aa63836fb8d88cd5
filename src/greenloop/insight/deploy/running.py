"""Who and what keeps the service running: rules, people, the clockwork, room on the disk, a clock that is right."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings

from greenloop.core.faults import Refusal, say
from greenloop.insight.archived import archived_at, behind
from greenloop.insight.deploy.finding import Finding
from greenloop.insight.readiness import CLOCK_BACK_MAX, LATE, disk_free_bytes
from greenloop.store.backup import forgotten as lists
from greenloop.store.queries import clockwork as slots
from greenloop.store.queries import overview, people, vitals
from greenloop.store.queries.forgotten import brought_back

DISK_FREE_MIN_GB = 2
DECIDERS = frozenset({"operator", "finance"})
DECIDERS_MIN = 2


def findings(now: datetime) -> Iterator[Finding]:
    """Look at what has to be there before the first order, and at what is late."""
    if not vitals.rules_in_force(now):
        what, why = say("No rule set is in force."), say("No order can be taken without one.")
        yield Finding("rules.none", what, why, say("Make one with greenloop preset, and publish it."))
    yield from staff()
    yield from clockwork(now)
    if (free_gb := disk_free_bytes() // 2**30) < DISK_FREE_MIN_GB:
        what = say("Only {free} GB are free where the service writes.")
        why = say("On a full disk orders are refused until there is room.")
        way_out = say("Make room for {least} GB at least, and watch greenloop_disk_free_bytes.")
        yield Finding("disk.small", what, why, way_out, {"free": free_gb, "least": DISK_FREE_MIN_GB})
    newest = vitals.newest_journal_at()
    if newest is not None and newest - now > CLOCK_BACK_MAX:
        what = say("This machine's clock is behind the newest journal ({newest}).")
        why = say("Orders would be dated before money that has been booked already.")
        way_out = say("Let the machine follow a time service (NTP).")
        yield Finding("clock.behind", what, why, way_out, {"newest": newest})
    yield from archive(newest, now)
    yield from forgotten()


def archive(newest_journal_at: datetime | None, now: datetime) -> Iterator[Finding]:
    """Look whether there is an archive, and whether it keeps up."""
    facts: dict[str, object] = {"path": settings.GREENLOOP_ARCHIVE}
    if not settings.GREENLOOP_ARCHIVE:
        what, why = say("No archive is named."), say("With this disk, everything would be lost.")
        way_out = say("Run greenloop backup --follow into a folder on another disk, and name it in GREENLOOP_ARCHIVE.")
        yield Finding("archive.none", what, why, way_out)
    elif archived_at() is None:
        what, why = say("There is no archive in {path}."), say("With this disk, everything would be lost.")
        way_out = say("Start greenloop backup --follow with that folder, readable for this account.")
        yield Finding("archive.empty", what, why, way_out, facts)
    elif behind(newest_journal_at=newest_journal_at, now=now):
        what = say("The archive in {path} is behind: nothing has come into it since the newest journal.")
        why = say("What was booked since would be lost with this disk.")
        yield Finding(
            "archive.behind", what, why, say("Look at the log of greenloop backup for what stopped it."), facts
        )


def forgotten() -> Iterator[Finding]:
    """Look for people who were forgotten and are known all the same: an older copy of the database was restored."""
    why = say("Phones and names that had to be destroyed can be read and found again.")
    try:
        back = brought_back(lists.here())
    except OSError as fault:
        what = say("Whether somebody who was forgotten is known again can't be seen: {reason}.")
        way_out = say("Let the service's own user read the list.")
        yield Finding("forgotten.unreadable", what, why, way_out, {"reason": fault})
        return
    if back:
        what = say("{count} people who were forgotten are known again.")
        yield Finding("forgotten.known", what, why, say("Run greenloop forget --again."), {"count": len(back)})


def staff() -> Iterator[Finding]:
    """Look at the platform's people: two who can decide, each with a second factor, as far as they can be named."""
    try:
        found = [row for row in people.staff() if row.roles]
    except Refusal:
        what = say("Names in this database were sealed with another key.")
        why = say("Nobody who is enrolled could sign in.")
        way_out = say("Set GREENLOOP_IDENTITY_KEY to the key that the database was written with.")
        yield Finding("keys.other", what, why, way_out)
        return
    deciders = [row for row in found if DECIDERS & set(row.roles)]
    if len(deciders) < DECIDERS_MIN:
        what = say("Fewer than two people can decide: {count} with the role operator or finance.")
        why = say("What one proposes, another has to approve.")
        way_out = say("Appoint them: greenloop staff NAME --role finance")
        yield Finding("staff.few", what, why, way_out, {"count": len(deciders)})
    for row in found:
        if not row.has_second_factor:
            what = say("{name} has no second factor yet.")
            why = say("Whoever learns the first password could set one up in their place.")
            way_out = say("Let them sign in once and set it up, before the service goes live.")
            yield Finding("staff.factor", what, why, way_out, {"name": row.name})


def clockwork(now: datetime) -> Iterator[Finding]:
    """Look for work of the clock that is late."""
    newest = overview.newest()
    closed = newest.calendar.cycle_at(now - LATE) - 1 if newest.calendar else 0
    behind = [pool for pool in vitals.pools() if pool.settled_cycle < closed]
    if behind and newest.run_state != "held":
        what = say("Cycles that were cut off are not settled: {pools} pools are behind cycle {cycle}.")
        why = say("Members wait for what is theirs.")
        way_out = say("Start greenloop worker, or run greenloop settle; look at its log for what stopped it.")
        yield Finding("settlement.overdue", what, why, way_out, {"pools": len(behind), "cycle": closed})
    # Before anybody has begun nothing is late.
    if slots.runs(limit=1) and (late := len(slots.late(now))):
        what = say("{late} runs of the clockwork are late.")
        why = say("Payouts, settlements or notices that others rely on haven't happened.")
        way_out = say("Look at the log of greenloop worker for what stopped them.")
        yield Finding("clockwork.late", what, why, way_out, {"late": late})
