"""Benefits as taxes see them: what holders received and what refunds took back, by source, and the ledger beside it.

A benefit is received when it comes into its holder's hands: vouchers when they are drawn (a spend draws by itself, and
so does the repayment of a debt), coupons when their order vests. A span is of instants, the last one not in it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.trust import tax
from greenloop.store import sql

Span = tuple[datetime, datetime]
Key = tuple[int, str]
"""(account, class)."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What came and went in a span, in fen; `expired` lapsed unspent, which takes nothing back of what was received."""

    received_fen: int = 0
    taken_back_fen: int = 0
    expired_fen: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.received_fen + other.received_fen,
            self.taken_back_fen + other.taken_back_fen,
            self.expired_fen + other.expired_fen,
        )


@dataclass(frozen=True, slots=True)
class Tie:
    """One kind of movement of one source over a span, in fen: by holders' rows, and by the ledger's postings."""

    source: str
    movement: str
    rows_fen: int
    ledger_fen: int


def by_class(span: Span) -> dict[str, Sums]:
    """Return by class what all holders received and what was taken back."""
    found: dict[str, Sums] = defaultdict(Sums)
    for source, is_merchant, *fen in _grouped(span, "source, is_merchant"):
        found[tax.class_of(source, is_merchant=bool(is_merchant))] += _sums(fen)
    return dict(found)


def by_holder(span: Span, classes: Collection[str]) -> dict[Key, Sums]:
    """Return what each holder received and lost again in some classes."""
    found: dict[Key, Sums] = defaultdict(Sums)
    wanted = [
        source
        for source in tax.SOURCES
        if any(tax.class_of(source, is_merchant=held) in classes for held in (True, False))
    ]
    for account, source, is_merchant, *fen in _grouped(span, "account_id, source, is_merchant", wanted):
        name = tax.class_of(source, is_merchant=bool(is_merchant))
        if name in classes:
            found[account, name] += _sums(fen)
    return {key: sums for key, sums in found.items() if sums != Sums()}


def refs(accounts: Sequence[int]) -> dict[int, str]:
    """Return the refs of holders, by account."""
    found: dict[int, str] = dict(
        sql.rows_in("SELECT account_id, ref FROM member WHERE account_id IN ({keys})", accounts)
    )
    missing = [account for account in accounts if account not in found]
    return found | dict(sql.rows_in("SELECT account_id, ref FROM merchant WHERE account_id IN ({keys})", missing))


def of_account(account_id: int, span: Span) -> dict[str, Sums]:
    """Return by class what one holder received in a span and what was taken back."""
    since, until = map(sql.instant, span)
    found: dict[str, Sums] = defaultdict(Sums)
    params = [account_id, since, until] * 4
    for source, is_merchant, *fen in sql.rows(_OF_ACCOUNT, params):
        found[tax.class_of(source, is_merchant=bool(is_merchant))] += _sums(fen)
    return {name: sums for name, sums in found.items() if sums != Sums()}


def ties(span: Span) -> list[Tie]:
    """Return the movements of a span by holders' rows and by the ledger's postings."""
    since, until = map(sql.instant, span)
    rows: dict[tuple[str, str], int] = defaultdict(int)
    for source, kind, fen in sql.rows(_WALLET_KINDS, [since, until]):
        rows[source, kind] += int(fen)
    rows |= {(source, "received"): int(fen) for source, fen in _coupon_faces(span)}
    ledger = {(source, kind): int(fen) for source, kind, fen in sql.rows(_LEDGER, [since, until])}
    return [
        Tie(source, movement, rows.get((source, movement), 0), ledger.get((source, movement), 0))
        for source, movement in sorted(rows.keys() | ledger.keys())
    ]


def without_class() -> int:
    """Return how many benefits nobody could give a class: of no known source, or of a holder who is nobody."""
    return int(sql.value(_WITHOUT_CLASS))


def _coupon_faces(span: Span) -> list[sql.Row]:
    cycles = _cycles(span)
    found: dict[str, int] = defaultdict(int)
    for kind, fen in sql.rows_in(_FACES, cycles) if cycles else ():
        found[kind] += int(fen)
    return list(found.items())


def _cycles(span: Span) -> list[int]:
    """Return the alliance cycles that vested in a span; rebates come with them, under keys of their own."""
    return sorted({int(key.rsplit("/", 1)[1]) for (key,) in sql.rows(_VESTINGS, [*map(sql.instant, span)])})


def _sums(fen: Sequence[object]) -> Sums:
    return Sums(*(int(str(each or 0)) for each in fen))


def _grouped(span: Span, group: str, sources: Sequence[str] = tax.SOURCES) -> list[sql.Row]:
    """Return the sums of a span by group: of vouchers, of new coupons, and of what refunds took back of coupons."""
    since, until = map(sql.instant, span)
    cycles = _cycles(span)
    wanted = ", ".join(f"'{each}'" for each in tax.SOURCES if each in sources)
    parts: list[tuple[str, list[object]]] = [
        (query, [since, until]) for query in (_VOUCHERS, _COUPONS_BACK, _COUPONS_PAID_BACK)
    ]
    if cycles:
        parts.append((_COUPONS.format(cycles=sql.marks(len(cycles))), list(cycles)))
    union = " UNION ALL ".join(query for query, _ in parts)
    whole = f"""
        SELECT {group}, SUM(received), SUM(back), SUM(expired) FROM ({union}) AS moved
        WHERE source IN ({wanted}) GROUP BY {group}
    """  # noqa: S608  constants of this file
    return sql.rows(whole, [each for _, params in parts for each in params])


_MERCHANT = "CASE WHEN EXISTS (SELECT 1 FROM merchant m WHERE m.account_id = {of}) THEN 1 ELSE 0 END"
_SOURCE = "CASE WHEN p.is_red THEN 'red' ELSE 'green' END"
_MOVED = """
    SUM(CASE WHEN e.kind IN ('draw', 'repay') THEN e.amount_fen ELSE 0 END) AS received,
    SUM(CASE WHEN e.kind = 'claw' THEN e.amount_fen ELSE 0 END) AS back,
    SUM(CASE WHEN e.kind = 'expire' THEN e.amount_fen ELSE 0 END) AS expired
"""
_VOUCHERS = f"""
    SELECT e.account_id AS account_id, {_SOURCE} AS source, {_MERCHANT.format(of="e.account_id")} AS is_merchant,
           {_MOVED}
    FROM journal j JOIN wallet_entry e ON e.journal_id = j.id JOIN pool p ON p.id = e.pool_id
    WHERE j.effective_at >= %s AND j.effective_at < %s AND e.kind IN ('draw', 'repay', 'claw', 'expire')
    GROUP BY e.account_id, p.is_red
"""  # noqa: S608  constants of this file
# What refunds took of coupons is in their journals, one for each refund: of the order's own kind by where it went.
_BACK = """
    FROM journal j JOIN posting x ON x.journal_id = j.id
    JOIN ledger_account d ON d.id = x.debit_id JOIN ledger_account c ON c.id = x.credit_id
    JOIN refund r ON r.journal_id = j.id JOIN orders o ON o.id = r.order_id AND o.merchant_id = r.merchant_id
    WHERE j.kind = 'refund' AND (c.name = 'trust:grant_unused' OR d.name = 'trust:coupon')
"""
_COUPONS_BACK = f"""
    SELECT o.member_id, CASE WHEN c.name = 'trust:grant_unused' THEN 'grant' ELSE 'earned' END,
           {_MERCHANT.format(of="o.member_id")}, 0, x.amount_fen, 0
    {_BACK} AND j.effective_at >= %s AND j.effective_at < %s
"""
# A coupon that is gone is taken out of the refund's cash, as is what was drawn too much, and a rebate, by a posting.
# The plus signs keep SQLite from looking for that among all postings of merchants' dues, not the journal's few.
_PAID_BACK = """
    r.withheld_fen
        - COALESCE((SELECT SUM(k.cash_fen) FROM clawback k WHERE k.account_id = o.member_id AND k.refund_id = r.id), 0)
        - COALESCE((SELECT SUM(x.amount_fen) FROM posting x
                    JOIN ledger_account d ON d.id = +x.debit_id JOIN ledger_account c ON c.id = +x.credit_id
                    WHERE x.journal_id = j.id AND d.name = 'trust:merchant_payable'
                      AND c.name = 'trust:grant_unused'), 0)
"""
_WITHHELD = """
    FROM journal j JOIN refund r ON r.journal_id = j.id
    JOIN orders o ON o.id = r.order_id AND o.merchant_id = r.merchant_id
    WHERE j.kind = 'refund' AND r.withheld_fen > 0
"""
_COUPONS_PAID_BACK = f"""
    SELECT o.member_id, 'earned', {_MERCHANT.format(of="o.member_id")}, 0, {_PAID_BACK}, 0
    {_WITHHELD} AND j.effective_at >= %s AND j.effective_at < %s
"""
_COUPONS = f"""
    SELECT k.account_id, k.kind, {_MERCHANT.format(of="k.account_id")}, k.face_fen, 0, 0
    FROM coupon k JOIN orders o ON o.id = k.order_id WHERE o.entry_cycle IN ({{cycles}})
"""  # noqa: S608  constants of this file
_VESTINGS = """
    SELECT j.key FROM journal j WHERE j.book = 'trust' AND j.kind IN ('vest', 'rebate', 'grant')
    AND j.effective_at >= %s AND j.effective_at < %s
"""
_FACES = """
    SELECT k.kind, SUM(k.face_fen) FROM coupon k JOIN orders o ON o.id = k.order_id
    WHERE o.entry_cycle IN ({keys}) GROUP BY k.kind
"""
_WALLET_KINDS = f"""
    SELECT {_SOURCE}, CASE WHEN e.kind IN ('draw', 'repay') THEN 'received' WHEN e.kind = 'claw' THEN 'taken back'
           ELSE 'expired' END, SUM(e.amount_fen)
    FROM journal j JOIN wallet_entry e ON e.journal_id = j.id JOIN pool p ON p.id = e.pool_id
    WHERE j.effective_at >= %s AND j.effective_at < %s AND e.kind IN ('draw', 'repay', 'claw', 'expire') GROUP BY 1, 2
"""  # noqa: S608  constants of this file
_LEDGER = """
    SELECT source, movement, SUM(amount_fen) FROM (
        SELECT CASE WHEN p.is_red THEN 'red' WHEN p.is_red IS NOT NULL THEN 'green'
                    WHEN j.kind = 'vest' THEN 'earned' ELSE 'grant' END AS source,
               CASE WHEN d.account_class = 'trust:accrued' THEN 'received'
                    WHEN d.account_class = 'trust:voucher' AND c.account_class = 'trust:pool' THEN 'expired'
                    WHEN c.account_class = 'trust:accrued' THEN 'taken back' ELSE 'received' END AS movement,
               x.amount_fen
        FROM journal j JOIN posting x ON x.journal_id = j.id
        JOIN ledger_account d ON d.id = x.debit_id JOIN ledger_account c ON c.id = x.credit_id
        LEFT JOIN pool p ON p.name = CASE WHEN d.account_class IN ('trust:accrued', 'trust:voucher')
            THEN SUBSTR(d.name, LENGTH(d.account_class) + 2) ELSE SUBSTR(c.name, LENGTH(c.account_class) + 2) END
        WHERE j.effective_at >= %s AND j.effective_at < %s AND (
            (d.account_class = 'trust:accrued' AND c.account_class IN ('trust:voucher', 'trust:reserve'))
            OR (c.account_class = 'trust:accrued' AND j.kind = 'refund')
            OR (d.account_class = 'trust:voucher' AND c.account_class = 'trust:pool')
            OR (c.name = 'trust:coupon' AND j.kind IN ('vest', 'rebate', 'grant'))
        )
    ) AS moved GROUP BY source, movement
"""
# Coupons are of vested orders alone, and those of one member have an index; else every refund there is would be read.
_VESTED_OF = "o.member_id = %s AND o.entry_cycle IS NOT NULL"
_OF_ACCOUNT = f"""
    SELECT {_SOURCE}, {_MERCHANT.format(of="e.account_id")}, {_MOVED}
    FROM wallet_entry e JOIN journal j ON j.id = e.journal_id JOIN pool p ON p.id = e.pool_id
    WHERE e.account_id = %s AND j.effective_at >= %s AND j.effective_at < %s
      AND e.kind IN ('draw', 'repay', 'claw', 'expire') GROUP BY e.account_id, p.is_red
    UNION ALL
    SELECT k.kind, {_MERCHANT.format(of="k.account_id")}, k.face_fen, 0, 0
    FROM coupon k JOIN orders o ON o.id = k.order_id
    WHERE k.account_id = %s AND EXISTS (
        SELECT 1 FROM journal j WHERE j.book = 'trust' AND j.effective_at >= %s AND j.effective_at < %s
        AND j.key IN ('vest/' || CAST(o.entry_cycle AS VARCHAR(20)), 'rebate/' || CAST(o.entry_cycle AS VARCHAR(20)),
                      'grant/' || CAST(o.entry_cycle AS VARCHAR(20))))
    UNION ALL
    SELECT CASE WHEN c.name = 'trust:grant_unused' THEN 'grant' ELSE 'earned' END,
           {_MERCHANT.format(of="o.member_id")}, 0, x.amount_fen, 0
    {_BACK} AND {_VESTED_OF} AND j.effective_at >= %s AND j.effective_at < %s
    UNION ALL
    SELECT 'earned', {_MERCHANT.format(of="o.member_id")}, 0, {_PAID_BACK}, 0
    {_WITHHELD} AND {_VESTED_OF} AND j.effective_at >= %s AND j.effective_at < %s
"""  # noqa: S608  constants of this file
_WITHOUT_CLASS = """
    SELECT (SELECT COUNT(*) FROM coupon WHERE kind NOT IN ('earned', 'grant'))
         + (SELECT COUNT(*) FROM wallet w WHERE NOT EXISTS (SELECT 1 FROM member m WHERE m.account_id = w.account_id)
                AND NOT EXISTS (SELECT 1 FROM merchant m WHERE m.account_id = w.account_id))
"""
