"""How the database is set up: what it acknowledges has to survive a power cut, and nobody else may touch it."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import dj_database_url
from django.conf import settings

from greenloop.core.faults import say
from greenloop.insight.deploy.finding import Finding
from greenloop.store import sql
from greenloop.store.queries import engines, vitals
from greenloop.store.queries.engines import PostgresqlFacts, SqliteFacts
from greenloop.store.reader import role

NAMED = 3
"""So many of the tables that are withheld are named."""
MAKE_IT = say("Make it with greenloop reader, and name it in GREENLOOP_READER_URL.")
VERSION_MIN = 150_000
APART_MAX = timedelta(seconds=5)
SQLITE_FULL = 2
LOST = say("What was acknowledged may be lost in a power cut.")


def findings(clock: Callable[[], datetime]) -> Iterator[Finding]:
    """Look at the database in use. The clock is read after the server's: a slow server isn't one whose clock is off."""
    if sql.is_postgresql():
        yield from of_postgresql(engines.postgresql(), clock())
    else:
        yield from of_sqlite(engines.sqlite())
    if missing := vitals.missing_migrations():
        what = say("The tables are of an older release: {missing} changes are missing.")
        why = say("This release reads and writes tables that aren't there.")
        yield Finding("database.migrations", what, why, say("Run greenloop migrate."), {"missing": len(missing)})
    elif sql.is_postgresql():  # before, not all tables that the role should read are there
        yield from of_reader(str(settings.GREENLOOP_READER_URL))


def of_postgresql(found: PostgresqlFacts, now: datetime) -> Iterator[Finding]:
    """Judge a server by what it says of itself."""
    if found.version < VERSION_MIN:
        what, why = say("The server is PostgreSQL {version}."), say("15 is the oldest that is tested.")
        yield Finding("postgresql.version", what, why, say("Upgrade it."), {"version": found.version // 10_000})
    for name, on in (("fsync", found.fsync), ("full_page_writes", found.full_page_writes)):
        if not on:
            way_out = say("Set {setting} = on in postgresql.conf, and restart the server.")
            yield Finding(f"postgresql.{name}", say("{setting} is off."), LOST, way_out, {"setting": name})
    if found.synchronous_commit == "off":
        what = say("synchronous_commit is {value}.")
        way_out = say("Set synchronous_commit = on for this database and role.")
        yield Finding("postgresql.synchronous_commit", what, LOST, way_out, {"value": found.synchronous_commit})
    if not found.data_checksums:
        what, why = (
            say("Data checksums are off."),
            say("A page that a disk has spoilt would be read as if it were right."),
        )
        way_out = say("Stop the server and run pg_checksums --enable, or make the cluster anew with initdb -k.")
        yield Finding("postgresql.checksums", what, why, way_out)
    if found.superuser:
        what = say("The role that the service uses is a superuser.")
        why = say("It could switch off the guards of the journal and of the audit log.")
        way_out = say("Make a role without rights of its own that owns the database, and name it in the address.")
        yield Finding("postgresql.superuser", what, why, way_out)
    if found.encrypted is False:
        what = say("The connection to the server is not encrypted.")
        why = say("Phones' cipher texts, keys and amounts cross the network in the clear.")
        yield Finding("postgresql.plain", what, why, say("Add ?sslmode=verify-full to GREENLOOP_DATABASE_URL."))
    if abs(found.now - now) > APART_MAX:
        what = say("The server's clock and this machine's are {seconds} s apart.")
        why = say("What is due is decided by one and dated by the other.")
        facts: dict[str, object] = {"seconds": round(abs(found.now - now).total_seconds())}
        yield Finding("clock.apart", what, why, say("Let both follow the same time service (NTP)."), facts)


def of_reader(address: str) -> Iterator[Finding]:
    """Judge the role by which auditors and regulators read: that there is one, and that it reads what there is."""
    why = say("Whoever could run statements of their own in such a session could set it to write.")
    if not address:
        what = say("Auditors and regulators read by the service's own role.")
        way_out = say("Make a role for them with greenloop reader, and name it in GREENLOOP_READER_URL.")
        yield Finding("reader.none", what, why, way_out)
        return
    user = str(dj_database_url.parse(address).get("USER") or "")
    facts: dict[str, object] = {"role": user}
    withheld = role.withheld(user)
    if withheld is None:
        what = say("GREENLOOP_READER_URL names the role {role}, which isn't there.")
        yield Finding("reader.unknown", what, say("No page of an auditor can be shown."), MAKE_IT, facts)
    elif user == sql.value("SELECT current_user"):
        what = say("GREENLOOP_READER_URL names the service's own role.")
        yield Finding("reader.same", what, why, MAKE_IT, facts)
    elif withheld:
        what = say("The role {role} may not read tables that it should: {tables}.")
        way_out = say("Run greenloop reader {role} again, as after each greenloop migrate.")
        tables = {"tables": ", ".join(withheld[:NAMED])}
        yield Finding("reader.behind", what, say("Pages of auditors that need them fail."), way_out, facts | tables)


def of_sqlite(found: SqliteFacts) -> Iterator[Finding]:
    """Judge a file by how it is opened and where it lies."""
    facts: dict[str, object] = {"path": found.path, "mode": f"{found.mode:03o}", "kind": found.filesystem}
    if found.synchronous < SQLITE_FULL:
        what = say("SQLite doesn't wait for the disk (synchronous is below FULL).")
        yield Finding("sqlite.synchronous", what, LOST, say("Take your own PRAGMA synchronous out of the settings."))
    if found.journal_mode != "wal":
        what = say("SQLite doesn't write ahead (journal_mode is {journal}).")
        why = say("Readers would wait for the writer, and pages would answer slowly.")
        way_out = say("Move the file to a disk that allows it: SQLite's WAL wants shared memory.")
        yield Finding("sqlite.journal", what, why, way_out, {"journal": found.journal_mode})
    if found.mode & 0o077:
        what = say("The file {path} can be read by others (mode {mode}).")
        why = say("Everybody on this machine could read the books.")
        yield Finding("sqlite.readable", what, why, say("Let its owner alone read it: chmod 600 {path}"), facts)
    if found.over_the_network:
        what = say("The file {path} lies on another machine ({kind}).")
        why = say("Locks and syncs over a network can't be relied on: the file may be spoilt.")
        yield Finding("sqlite.network", what, why, say("Move it to a disk of this machine, or use PostgreSQL."), facts)
