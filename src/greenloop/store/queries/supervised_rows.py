"""What the rows beside the ledger say of a period: orders, refunds, wallets, vouchers, payouts, in one statement.

Each sum stands for itself: it is not read off the ledger, which it is held against.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from greenloop.store import sql
from greenloop.store.queries.supervised import IN, RUN_AT, during, params

Key = tuple[str, int]
"""(what a sum is of, its pool; 0 where it is of none)."""
COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum over rows: how many, and up to six amounts in fen, or counts where their name says so."""

    count: int
    parts: tuple[int, ...]

    @property
    def fen(self) -> int:
        """Return the first amount."""
        return self.parts[0]


NOTHING = Sum(0, (0,) * COLUMNS)


def sums(since_at: datetime, until_at: datetime) -> Mapping[Key, Sum]:
    """Return what the rows beside the ledger say of a period, in one statement."""
    found = sql.rows(_SUMS, params(since_at, until_at))
    return {(row[0], int(row[1])): Sum(int(row[2]), tuple(int(part or 0) for part in row[3:])) for row in found}


# The alliance's cycles whose orders vested in the period, by the keys of the journals that let them.
_VESTED = f"(SELECT CAST(SUBSTR(j.key, 6) AS BIGINT) FROM journal j WHERE j.kind = 'vest' AND {IN})"  # noqa: S608
_BOOKED = "JOIN journal j ON j.id = {of}.journal_id"
# A refund that takes effect in the cycle in which its order entered undoes part of the split.
_UNDOING = f"""refund r JOIN orders o ON o.id = r.order_id AND o.entry_cycle = r.cycle AND r.effect = 'applied'
    WHERE o.entry_cycle IN {_VESTED}"""


def _arm(name: str, columns: str, source: str, *, pool: str = "", of: str = "") -> str:
    """Return one part of the statement: a name, which `of` goes on, a pool, a count and up to six sums."""
    given = [each.strip() for each in columns.split(";")]
    told = ", ".join(given + ["0"] * (COLUMNS - len(given)))
    called = f"'{name} ' || ({of})" if of else f"'{name}'"
    groups = ", ".join(each for each in (of and f"({of})", pool) if each)
    grouped = f" GROUP BY {groups}" if groups else ""
    return f"SELECT {called}, {pool or 0}, COUNT(*), {told} FROM {source}{grouped}"  # noqa: S608  names are ours


_OF_ORDERS = "SUM(o.cash_fen); SUM(o.voucher_fen); SUM(o.coupon_fen); SUM(o.concession_fen)"
_PEOPLE = "COUNT(DISTINCT o.member_id); COUNT(DISTINCT o.merchant_id)"
_ARMS = (
    _arm("orders", f"{_OF_ORDERS}; {_PEOPLE}", f"orders o {_BOOKED.format(of='o')} WHERE {IN}", pool="o.pool_id"),
    _arm("people", _PEOPLE, f"orders o {_BOOKED.format(of='o')} WHERE {IN}"),
    _arm(
        "paid earlier",
        "SUM(o.cash_fen + o.voucher_fen + o.coupon_fen)",
        f"orders o {_BOOKED.format(of='o')} WHERE {IN} AND o.paid_at < %(since)s",
    ),
    _arm(
        "booked later",
        "SUM(o.cash_fen + o.voucher_fen + o.coupon_fen)",
        f"orders o {_BOOKED.format(of='o')} WHERE {during('o.paid_at')} AND j.effective_at >= %(until)s",
    ),
    _arm("confirmed", "SUM(o.cash_fen)", f"orders o WHERE {during('o.confirmed_at')}"),
    _arm(
        "returned on the way",
        "SUM(p.amount_fen)",
        "refund r JOIN orders o ON o.id = r.order_id JOIN posting p ON p.journal_id = r.journal_id "
        "JOIN ledger_account c ON c.id = p.credit_id AND c.name = 'trust:in_transit' "
        f"WHERE {during('o.confirmed_at')}",
    ),
    _arm(
        "given back",
        "SUM(r.concession_lost_fen)",
        f"refund r {_BOOKED.format(of='r')} WHERE {IN} AND r.effect = ''",
    ),
    _arm(
        "vested",
        "SUM(o.entered_fen); SUM(o.kept_fen); SUM(o.green_part_fen); SUM(o.fee_part_fen); "
        "SUM(o.kept_fen - o.green_part_fen - o.red_part_fen - o.fee_part_fen)",
        f"orders o WHERE o.entry_cycle IN {_VESTED}",
        pool="o.pool_id",
    ),
    _arm(
        "red",
        "SUM(o.red_part_fen); COUNT(DISTINCT o.referrer_id); COUNT(DISTINCT o.merchant_id)",
        f"orders o JOIN rule_version v ON v.id = o.rules_id WHERE o.entry_cycle IN {_VESTED} "
        "AND o.referrer_id IS NOT NULL",
        pool="v.red_pool_id",
    ),
    _arm("withheld while open", "SUM(r.withheld_fen)", _UNDOING),
    _arm(
        "clawed while open",
        "SUM(b.cash_fen)",
        _UNDOING.replace("refund r JOIN", "clawback b JOIN refund r ON r.id = b.refund_id JOIN"),
    ),
    _arm(
        "undone",
        "SUM(p.amount_fen)",
        _UNDOING.replace(
            "WHERE",
            "JOIN posting p ON p.journal_id = r.journal_id JOIN ledger_account d ON d.id = p.debit_id "
            "JOIN ledger_account c ON c.id = p.credit_id WHERE",
            1,
        ),
        of="d.name || ' ' || c.name",
    ),
    _arm(
        "inflow",
        "SUM(f.inflow_fen)",
        f"pool_cycle f JOIN pool q ON q.id = f.pool_id WHERE q.first_cycle + f.cycle - 1 IN {_VESTED}",
        pool="f.pool_id",
    ),
    _arm("issued", "SUM(s.issued_fen)", f"settled_cycle s {_BOOKED.format(of='s')} WHERE {IN}", pool="s.pool_id"),
    _arm(
        "runs",
        "SUM(r.issued_fen)",
        f"settlement_run r WHERE r.state = 'posted' AND {during(RUN_AT)}",
    ),
    _arm(
        "wallet",
        "SUM(e.amount_fen)",
        f"wallet_entry e {_BOOKED.format(of='e')} WHERE {IN}",
        of="e.kind",
        pool="e.pool_id",
    ),
    _arm(
        "vouchers",
        "SUM(v.face_fen)",
        f"voucher v LEFT JOIN journal j ON j.id = v.journal_id WHERE {during('COALESCE(j.effective_at, v.drawn_at)')}",
        pool="v.pool_id",
    ),
    _arm(
        "voucher uses",
        "SUM(u.amount_fen)",
        "orders o JOIN journal j ON j.id = o.journal_id "
        f"JOIN voucher_use u ON u.account_id = o.member_id AND u.order_id = o.id WHERE {IN} AND o.voucher_fen > 0",
        pool="u.pool_id",
    ),
    _arm(
        "coupon uses",
        "SUM(u.amount_fen)",
        "orders o JOIN journal j ON j.id = o.journal_id "
        f"JOIN coupon_use u ON u.account_id = o.member_id AND u.order_id = o.id WHERE {IN} AND o.coupon_fen > 0",
    ),
    _arm(
        "coupons",
        "SUM(k.face_fen)",
        f"orders o JOIN coupon k ON k.account_id = o.member_id AND k.order_id = o.id WHERE o.entry_cycle IN {_VESTED}",
        of="k.kind",
    ),
    _arm(
        "refunds",
        "SUM(r.cash_fen - r.withheld_fen); SUM(r.voucher_fen); SUM(r.coupon_fen); SUM(r.dues_fen); "
        "COUNT(DISTINCT r.merchant_id)",
        f"refund r {_BOOKED.format(of='r')} WHERE {IN}",
    ),
    _arm("deposits", "SUM(d.amount_fen)", f"deposit d {_BOOKED.format(of='d')} WHERE {IN}"),
    _arm(
        "payouts",
        "SUM(y.amount_fen); COUNT(DISTINCT y.merchant_id)",
        f"payout y {_BOOKED.format(of='y')} WHERE {IN}",
    ),
    _arm(
        "paid for orders",
        "SUM(o.cash_fen - o.concession_fen + o.voucher_fen + o.coupon_fen)",
        f"payout y {_BOOKED.format(of='y')} JOIN orders o ON o.payout_id = y.id WHERE {IN}",
    ),
    _arm(
        "paid for refunds",
        "SUM(r.dues_fen)",
        f"payout y {_BOOKED.format(of='y')} JOIN refund r ON r.payout_id = y.id WHERE {IN}",
    ),
    _arm(
        "paid for deposits",
        "SUM(d.amount_fen)",
        f"payout y {_BOOKED.format(of='y')} JOIN deposit d ON d.payout_id = y.id WHERE {IN}",
    ),
    _arm("fees", "SUM(f.amount_fen)", f"fee_transfer f {_BOOKED.format(of='f')} WHERE {IN}"),
    _arm(
        "told",
        "SUM(i.amount_fen)",
        f"payment_instruction i {_BOOKED.format(of='i')} WHERE {IN}",
        of="i.kind || ' ' || i.state",
    ),
    _arm(
        "posted by told",
        "SUM(p.amount_fen)",
        f"journal j JOIN posting p ON p.journal_id = j.id WHERE {IN} AND j.book = 'trust' AND j.id IN "  # noqa: S608
        "(SELECT i.journal_id FROM payment_instruction i WHERE i.kind IN ('payout', 'fee'))",
        of="j.kind",
    ),
)
_SUMS = " UNION ALL ".join(_ARMS)
