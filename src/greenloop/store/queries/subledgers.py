"""Control accounts and the subledgers that each must equal, to the fen (architecture.md, "The books")."""

from dataclasses import dataclass

from greenloop.core.books.posting import balance_fen
from greenloop.core.faults import say
from greenloop.store import sql


@dataclass(frozen=True, slots=True)
class Pair:
    """A control account beside its subledger, in fen. `what` says what the subledger is."""

    account: str
    what: str
    ledger_fen: int
    subledger_fen: int

    @property
    def difference_fen(self) -> int:
        """Return what the ledger has more than its subledger."""
        return self.ledger_fen - self.subledger_fen


def balances() -> dict[str, int]:
    """Return every control account's balance on its normal side, in fen."""
    found = sql.rows("SELECT name, debits_fen, credits_fen FROM ledger_account")
    return {name: balance_fen(name, debits, credits_) for name, debits, credits_ in found}


def pairs() -> list[Pair]:
    """Return each control account that has a subledger, with both amounts."""
    now = balances()
    found = [
        Pair(name, what, now[name], sum(int(sql.value(query) or 0) for query in queries))
        for name, (what, queries) in _CONTROL.items()
    ]
    voucher_fen = {pool: int(fen) for pool, fen in sql.rows("SELECT pool_id, SUM(voucher_fen) FROM wallet GROUP BY 1")}
    for pool, name, free, backing, spent in sql.rows("SELECT id, name, free_fen, backing_fen, spent_fen FROM pool"):
        voucher = voucher_fen.get(pool, 0)
        for account, what, fen in (
            (f"trust:pool:{name}", _FREE, free),
            (f"trust:voucher:{name}", _VOUCHER, voucher),
            (f"trust:accrued:{name}", _ACCRUED, backing - spent - voucher),
        ):
            found.append(Pair(account, what, now[account], fen))
    return found


_FREE = say("The pool's free money is its control account.")
_VOUCHER = say("Drawn, unspent vouchers are the wallets' balances.")
_ACCRUED = say("Backing, less what was spent and what is drawn, is what is released and not drawn.")
_CONTROL = {
    "trust:in_transit": (
        say("Money in transit is the cash of orders that no statement has confirmed."),
        ("SELECT SUM(cash_fen - refunded_cash_fen) FROM orders WHERE confirmed_at IS NULL",),
    ),
    "trust:concession_pending": (
        say("Pending concessions are those of orders that have not vested."),
        ("SELECT SUM(concession_fen - concession_lost_fen) FROM orders WHERE entry_cycle IS NULL",),
    ),
    "trust:coupon": (say("Coupons owed are what is left of each coupon."), ("SELECT SUM(left_fen) FROM coupon",)),
    "trust:grant_unused": (
        say("Unused grants are what refunds gave back to each grant."),
        ("SELECT SUM(unused_fen) FROM marketing_grant",),
    ),
    "trust:fee_payable": (
        say("Fees payable are those of orders whose cycle has not transferred them."),
        (
            """SELECT SUM(fee_part_fen) FROM orders
               WHERE entry_cycle IS NOT NULL AND entry_cycle NOT IN (SELECT cycle FROM fee_transfer)""",
        ),
    ),
    "trust:merchant_payable": (
        say("What merchants are owed is their unpaid orders, less refunds, plus deposits."),
        (
            "SELECT SUM(cash_fen - concession_fen + voucher_fen + coupon_fen) FROM orders WHERE payout_id IS NULL",
            "SELECT -SUM(dues_fen) FROM refund WHERE payout_id IS NULL",
            "SELECT SUM(amount_fen) FROM deposit WHERE payout_id IS NULL",
        ),
    ),
    "ops:receivable": (
        say("What merchants owe the platform is what it advanced for their refunds, less what came back."),
        ("SELECT SUM(amount_fen) FROM deposit WHERE advance_of IS NOT NULL",),
    ),
    "trust:reserve": (
        say("The reserve is its parts of orders, expired coupons and repaid debts, less what it covered."),
        (
            """SELECT SUM(kept_fen - green_part_fen - red_part_fen - coupon_part_fen - fee_part_fen) FROM orders
               WHERE entry_cycle IS NOT NULL""",
            "SELECT SUM(expired_fen) FROM coupon",
            "SELECT SUM(amount_fen) FROM wallet_entry WHERE kind = 'repay'",
            "SELECT -SUM(reserve_fen) FROM clawback",
        ),
    ),
}
