"""What the database at hand says of the guardrails that can be seen in its rows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from greenloop.core.books.accounts import ALLOWED, PER_POOL
from greenloop.core.faults import say
from greenloop.core.loop.concession import RATE_MAX_PPM, RATE_MIN_PPM
from greenloop.core.money import PPM, SCALE, coverage_ppm
from greenloop.core.trust.words import refused_word
from greenloop.insight.figures import NONE, ratio
from greenloop.insight.proof import Proof, no_rows, none_of
from greenloop.store import sql
from greenloop.store.queries import bounds, taxed

NOTICE = timedelta(days=7)
FIRST_AT = datetime(2000, 1, 1, tzinfo=UTC)


def looked_at(at: datetime) -> list[Proof]:
    """Look at all of them as of one moment; `law` of each result is the guardrail's number."""
    with sql.snapshot():
        return [*_money(), *_points(at), *_pools(), *_rules(), *_words(), *_taxes(at), *_people()]


def _money() -> Iterator[Proof]:
    what = say("No pool has issued more than was paid into it.")
    yield no_rows("G1", "solvent", what, _OVERISSUED, "SELECT COUNT(*) FROM pool")
    what = say("No order has entered a pool without confirmed cash.")
    yield none_of("G1", "confirmed", what, "orders", "entry_cycle IS NOT NULL AND confirmed_at IS NULL")
    what = say("Cycles in which nothing came in were settled within what was there.")
    below = "SELECT pool_id, cycle FROM settled_cycle WHERE inflow_fen = 0 AND (free_fen < 0 OR issued_fen < 0)"
    yield no_rows("G2", "no inflow", what, below, "SELECT COUNT(*) FROM settled_cycle WHERE inflow_fen = 0")
    what = say("The postings that this database allows are those of the code.")
    stored = set(sql.rows("SELECT kind, debit_class, credit_class FROM posting_rule"))
    yield Proof("G4", "allow-list", what, len(stored), len(stored ^ ALLOWED))
    what = say("No instruction has left for the institution before the trust book held its journal.")
    yield no_rows("G9", "instructions", what, _EARLY, "SELECT COUNT(*) FROM payment_instruction")


def _points(at: datetime) -> Iterator[Proof]:
    what = say("No cohort has released more than its cap.")
    yield none_of("G3", "cap", what, "cohort", "release_index > index_cap OR release_index < 0")
    what = say("Every order's referrer is its shopper's own, one level.")
    yield no_rows("G5", "referrer", what, _REFERRERS, "SELECT COUNT(*) FROM orders WHERE referrer_id IS NOT NULL")
    what = say("No merchant has paid at its own shop by vouchers or coupons.")
    own = "orders o JOIN merchant m ON m.id = o.merchant_id"
    yield none_of("G6", "own shop", what, own, "o.member_id = m.account_id AND o.voucher_fen + o.coupon_fen > 0")
    what = say("Every order with points conceded 3–20 %, was paid and is delivered.")
    sound = f"confirmed_at IS NULL OR vests_at IS NULL OR NOT rate_ppm BETWEEN {RATE_MIN_PPM} AND {RATE_MAX_PPM}"
    yield none_of("G7", "origin", what, "orders", f"entry_cycle IS NOT NULL AND entered_fen > 0 AND ({sound})")
    yield washed(at)


def most_points_ppm(at: datetime) -> int:
    """Return the points that a yuan of concession makes by the most generous route in force, 0 before any rules."""
    rules = bounds.rules_at(at).now
    return rules.points_max_ppm if rules else 0


def brought_back(points_ppm: int) -> dict[str, int]:
    """Return what a yuan conceded has brought back in each green pool that has points, × 10**12, rounded down.

    It is the points that a yuan conceded makes times the mean of what the pool's points released (G8).
    """
    return {
        name: (int(high) * PPM + int(low)) // int(points) * points_ppm // PPM
        for name, points, high, low in sql.rows(_RELEASED)
    }


def washed(at: datetime) -> Proof:
    """Prove that buying from oneself loses money; the detail is the pool where most came back."""
    what = say("In no pool did a yuan conceded bring back a yuan of vouchers.")
    brought = brought_back(most_points_ppm(at)).values()
    detail = ratio(max(brought), SCALE, 3) if brought else NONE
    return Proof("G8", "wash trading", what, len(brought), sum(each >= SCALE for each in brought), detail)


def _pools() -> Iterator[Proof]:
    what = say("No posting joins the accounts of two pools.")
    yield no_rows("G10", "pools apart", what, _CROSSING, "SELECT COUNT(*) FROM posting")
    what = say("Every pool covers what it owes; the detail is the lowest coverage.")
    pools = sql.rows("SELECT free_fen, backing_fen - spent_fen FROM pool")
    covered = [ppm for free, owed in pools if (ppm := coverage_ppm(free, owed)) is not None]
    low = sum(free < 0 or owed < 0 for free, owed in pools)
    yield Proof("G14", "coverage", what, len(pools), low, ratio(min(covered), PPM, 3) if covered else NONE)
    what = say("Nothing that was paid while minting was stopped conceded anything, or gave anybody anything.")
    stopped = "SELECT COUNT(*) FROM orders o WHERE o.paid_at >= (SELECT MIN(effective_at) FROM minting)"
    yield no_rows("G14", "stopped", what, _MINTED, stopped)


def _rules() -> Iterator[Proof]:
    what = say("Rules that followed the first, and by which anybody bought, were published 7 days ahead.")
    published = [
        (sql.moment(effective), sql.moment(made), bool(used)) for effective, made, used in sql.rows(_PUBLISHED)
    ]
    later = [(effective, made) for effective, made, used in published[1:] if used]
    yield Proof("G11", "notice", what, len(later), sum(effective < made + NOTICE for effective, made in later))


def _words() -> Iterator[Proof]:
    what = say("No name that operators gave promises a return.")
    names = [str(name) for (name,) in sql.rows(_NAMES)]
    refused = [name for name in names if refused_word(name)]
    yield Proof("G12", "names", what, len(names), len(refused), ", ".join(refused[:3]))


def _taxes(at: datetime) -> Iterator[Proof]:
    what = say("Every benefit has a tax class.")
    looked_at = sql.value("SELECT (SELECT COUNT(*) FROM wallet) + (SELECT COUNT(*) FROM coupon)")
    yield Proof("G13", "classes", what, int(looked_at), taxed.without_class())
    what = say("What holders received and what was taken back is what the ledger says, in fen.")
    ties = taxed.ties((FIRST_AT, at + timedelta(days=1)))
    moved_fen = sum(tie.ledger_fen for tie in ties)
    yield Proof("G13", "tax sums", what, moved_fen, sum(abs(tie.rows_fen - tie.ledger_fen) for tie in ties))


def _people() -> Iterator[Proof]:
    what = say("What somebody signs in by is sealed under a key of their own.")
    yield no_rows("G15", "sealed", what, _KEYLESS, "SELECT COUNT(*) FROM identifier")


_OVERISSUED = """
    SELECT p.name FROM pool p
    LEFT JOIN (SELECT pool_id, SUM(inflow_fen) AS fen FROM pool_cycle GROUP BY pool_id) c ON c.pool_id = p.id
    LEFT JOIN (SELECT pool_id, SUM(expired_fen) AS fen FROM wallet GROUP BY pool_id) w ON w.pool_id = p.id
    WHERE p.backing_fen > COALESCE(c.fen, 0) + COALESCE(w.fen, 0)
"""
_EARLY = """
    SELECT i.number FROM payment_instruction i JOIN pending_journal p ON p.journal_id = i.journal_id
    WHERE i.sent_at IS NOT NULL
"""
_REFERRERS = """
    SELECT o.id FROM orders o JOIN member m ON m.account_id = o.member_id
    WHERE o.referrer_id IS NOT NULL AND (m.referrer_id IS NULL OR m.referrer_id <> o.referrer_id)
"""
_RELEASED = """
    SELECT o.name, SUM(c.points), SUM(c.points * (c.release_index / 1000000)),
           SUM(c.points * (c.release_index %% 1000000))
    FROM cohort c JOIN pool o ON o.id = c.pool_id WHERE c.points > 0 AND NOT o.is_red GROUP BY o.name
"""
_PER_POOL = ", ".join(f"'{each}'" for each in PER_POOL)
_CROSSING = f"""
    SELECT p.journal_id FROM posting p
    JOIN ledger_account d ON d.id = p.debit_id JOIN ledger_account c ON c.id = p.credit_id
    WHERE d.account_class IN ({_PER_POOL}) AND c.account_class IN ({_PER_POOL})
      AND SUBSTR(d.name, LENGTH(d.account_class) + 2) <> SUBSTR(c.name, LENGTH(c.account_class) + 2)
"""  # noqa: S608  the classes are ours
_MINTED = """
    SELECT o.id FROM orders o
    WHERE o.paid_at >= (SELECT MIN(effective_at) FROM minting) AND o.concession_fen + o.rebate_fen > 0
      AND NOT (SELECT m.mints FROM minting m WHERE m.effective_at <= o.paid_at ORDER BY m.effective_at DESC LIMIT 1)
"""
_PUBLISHED = """
    SELECT v.effective_at, v.published_at, EXISTS (SELECT 1 FROM orders o WHERE o.rules_id = v.id) AS used
    FROM rule_version v ORDER BY v.effective_at
"""
_NAMES = """
    SELECT name FROM pool UNION SELECT name FROM plan UNION SELECT ref FROM shop UNION SELECT ref FROM merchant
    UNION SELECT city FROM merchant UNION SELECT grade FROM merchant UNION SELECT ref FROM marketing_grant
    UNION SELECT name FROM api_client
"""
_KEYLESS = """
    SELECT i.id FROM identifier i LEFT JOIN person_key k ON k.account_id = i.account_id WHERE k.account_id IS NULL
"""
