"""Whether the trust book is a database of its own, that the business can't touch and a keeper looks after."""

from collections.abc import Iterator
from datetime import datetime

from greenloop.core.faults import say
from greenloop.insight.deploy.finding import Finding
from greenloop.store import sql
from greenloop.store.queries import keeping
from greenloop.store.trustbook import looking, tables
from greenloop.store.trustbook.looking import Looked

TOUCHED = say("Who gets into the business's database could touch the trust book too.")


def findings(now: datetime) -> Iterator[Finding]:
    """Look at the trust book that is named, and at how far it has come."""
    found = looking.look()
    if found is None:
        what = say("GREENLOOP_TRUST_URL is not named: nobody here can look at the trust book.")
        why = say("Members' money would be booked in the business's database alone.")
        way_out = say("Make one with greenloop trust-book create, and name it with the reader's or keeper's role.")
        yield Finding("trust.none", what, why, way_out)
    else:
        yield from of_book(found)
    if (lag := keeping.lag()).behind(now):
        what = say("{pending} journals wait for the trust book, the oldest for {seconds} s.")
        why = say("No payout leaves before the trust book holds its journal.")
        way_out = say("Start greenloop keep --follow, or look at its log for what stopped it.")
        yield Finding("trust.behind", what, why, way_out, {"pending": lag.pending, "seconds": lag.seconds(now)})


def of_book(found: Looked) -> Iterator[Finding]:
    """Judge a trust book by what it says of itself."""
    if found.fault:
        what = say("The trust book can't be looked at: {reason}")
        why = say("Nobody can tell whether it agrees with the business's books.")
        yield Finding("trust.unusable", what, why, say("Check GREENLOOP_TRUST_URL."), {"reason": found.fault})
        return
    if found.version != tables.VERSION:
        what = say("The trust book's tables are of version {found}; this release wants {wanted}.")
        why = say("Nothing can be handed over to it.")
        facts: dict[str, object] = {"found": found.version or 0, "wanted": tables.VERSION}
        yield Finding("trust.version", what, why, say("Run greenloop trust-book create as its owner."), facts)
    if found.same_database:
        what = say("The trust book lies in the business's own database.")
        yield Finding("trust.same", what, TOUCHED, say("Make a database of its own for it, on its own server."))
    if found.owns:
        what = say("GREENLOOP_TRUST_URL names a role that owns the trust book, or a superuser.")
        why = say("It could switch off what guards the trust book.")
        yield Finding("trust.owner", what, why, say("Name the keeper's role, or a reader's."))
    if found.open_to_business and sql.is_postgresql():
        what = say("The business's role may connect to the trust book.")
        way_out = say("Revoke it: greenloop trust-book create does, unless that role is a superuser.")
        yield Finding("trust.open", what, TOUCHED, way_out)
