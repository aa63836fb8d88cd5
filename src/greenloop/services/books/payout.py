"""Pay merchants what they are owed, and take back what they have to bring for refunds."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from greenloop.core.books.posting import draft
from greenloop.core.faults import Refusal, say
from greenloop.services import ids
from greenloop.services.books import deposits, repaying
from greenloop.services.books.institution import instructing
from greenloop.services.books.post import post
from greenloop.services.books.repaying import Repayment
from greenloop.services.loop.rules import in_force, rulings
from greenloop.services.outbox import news
from greenloop.services.soundness import may_leave_trust
from greenloop.services.trust.acting import SCHEDULER, now_acting
from greenloop.services.trust.steps import note
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.models import Journal
from greenloop.store.queries import refunds


@verb
def pay_out(*, business_date: date, at: datetime) -> dict[int, int]:
    """Pay merchants for orders paid before a business date (T+1) whose cash is confirmed; return fen by merchant.

    Once per date: asked again, the answer is the same and nothing moves. Refunds and deposits since the last payout
    are netted; a merchant that is owed nothing gets nothing, and one with a pending refund waits until it is paid.

    :raises Refusal: the business date has not begun, or the books are broken (settlement.md, R11).
    """
    key = f"payout/{business_date.isoformat()}"
    locks.dues()
    if Journal.objects.filter(book="trust", key=key).exists():
        return dict(sql.rows("SELECT merchant_id, amount_fen FROM payout WHERE business_date = %s", [business_date]))
    may_leave_trust()
    calendar = in_force(rulings(), at).rules.calendar
    if calendar.local_date(at) < business_date:
        message = say("The business date {date} has not begun.")
        raise Refusal("payout.early", message, field="business_date", date=business_date)
    before = sql.instant(calendar.midnight_at(business_date))
    locked = set(_owed_to(before))
    locks.merchants(locked)
    # Asked again: a refund may have become pending while its merchant was waited for. Who is owed something only since
    # then isn't locked, and is paid on the next date.
    merchants = [merchant for merchant in _owed_to(before) if merchant in locked]
    # What a merchant may be paid is bounded by all its dues: refunds of later orders lower it too.
    dues = refunds.dues_fen(merchants)
    later: dict[int, int] = dict(sql.rows_in(_LATER, merchants, [before]))
    owed = {merchant: dues[merchant] - int(later.get(merchant, 0)) for merchant in merchants}
    owed = {merchant: fen for merchant, fen in owed.items() if fen > 0}
    repaid = repaying.repayments(owed)
    for each in repaid:
        owed[each.merchant_id] -= each.amount_fen
    owed = {merchant: fen for merchant, fen in owed.items() if fen > 0}
    if owed or repaid:
        _pay(owed, repaid, day=business_date.isoformat(), before=before, at=at)
        news.paid_out(owed, business_date, at=at)
    return owed


def _owed_to(before: object) -> list[int]:
    return [row[0] for row in sql.rows(_OWED, [before])]


def _pay(owed: Mapping[int, int], repaid: Sequence[Repayment], *, day: str, before: object, at: datetime) -> None:
    key = f"payout/{day}"
    numbers = dict(zip(sorted(owed), ids.block(len(owed)), strict=True))
    lines = [(number, merchant, day, owed[merchant]) for merchant, number in numbers.items()]
    sql.load("payout", ("id", "merchant_id", "business_date", "amount_fen"), lines)
    drafts = repaying.drafts(repaid)
    if numbers:
        today = (min(numbers.values()), max(numbers.values()))
        sql.run(_PAID_ORDERS, [day, before, *today])
        sql.run(_PAID_REFUNDS, [day, *today])
        sql.run(_PAID_DEPOSITS, [day, *today])
        amounts = [("trust:merchant_payable", "trust:bank", sum(owed.values()))]
        drafts.append(draft(key=key, kind="payout", amounts=amounts))
    # The ledger comes last: its accounts are locked after the orders (store/locks.py).
    journals = post(drafts, at=at)
    repaying.record(repaid, journals, numbers)
    if numbers:
        sql.run("UPDATE payout SET journal_id = %s WHERE id BETWEEN %s AND %s", [journals[key], *today])
        told = {number: (merchant, owed[merchant]) for merchant, number in numbers.items()}
        instructing.pay_out(told, journal_id=journals[key], at=at)
    if now_acting().actor != SCHEDULER:
        detail = {"merchants": len(owed), "amount_fen": sum(owed.values())}
        note(act="payout.pay", about=key, detail=detail, at=at)


@verb
def deposit(*, merchant: str, deposit_no: str, amount_fen: int, at: datetime) -> int:
    """Take money that a merchant returns into its dues, so that refunds can be paid; return the deposit's id.

    It raises no points and no pool: it is owed back to the merchant like any of its dues. Where the platform has
    people, two of them take it, by a proposal `deposit.take`.

    :raises Refusal: the merchant is unknown, the amount is not positive, or the number stands for another amount.
    """
    brought = deposits.checked(merchant=merchant, deposit_no=deposit_no, amount_fen=amount_fen)
    number = deposits.write(brought, at=at)
    if brought.known is None:
        detail = {"deposit": str(number), "amount_fen": amount_fen}
        note(act="deposit.take", about=f"merchant/{brought.merchant_id}", detail=detail, at=at)
    return number


# Dues of a merchant with a pending refund stay where they are: they are what that refund waits for.
_OWED = """
    SELECT merchant_id FROM (
        SELECT merchant_id FROM orders WHERE payout_id IS NULL AND confirmed_at IS NOT NULL AND paid_at < %s
        UNION SELECT merchant_id FROM deposit WHERE payout_id IS NULL
    ) AS owed WHERE merchant_id NOT IN (SELECT merchant_id FROM refund WHERE state = 'pending')
    ORDER BY merchant_id
"""
_LATER = """
    SELECT merchant_id, SUM(cash_fen - concession_fen + voucher_fen + coupon_fen) FROM orders
    WHERE payout_id IS NULL AND confirmed_at IS NOT NULL AND paid_at >= %s AND merchant_id IN ({keys})
    GROUP BY merchant_id
"""
_PAYOUT = "(SELECT p.id FROM payout p WHERE p.merchant_id = {of}.merchant_id AND p.business_date = %s)"
_PAID_TODAY = "merchant_id IN (SELECT merchant_id FROM payout WHERE id BETWEEN %s AND %s)"
_PAID_ORDERS = f"""
    UPDATE orders SET payout_id = {_PAYOUT.format(of="orders")}
    WHERE payout_id IS NULL AND confirmed_at IS NOT NULL AND paid_at < %s AND {_PAID_TODAY}
"""  # noqa: S608  constants of this file
_PAID_REFUNDS = f"""
    UPDATE refund SET payout_id = {_PAYOUT.format(of="refund")}
    WHERE state = 'paid' AND payout_id IS NULL AND {_PAID_TODAY}
        AND EXISTS (SELECT 1 FROM orders o WHERE o.id = refund.order_id AND o.confirmed_at IS NOT NULL)
"""  # noqa: S608
_PAID_DEPOSITS = f"""
    UPDATE deposit SET payout_id = {_PAYOUT.format(of="deposit")} WHERE payout_id IS NULL AND {_PAID_TODAY}
"""  # noqa: S608
