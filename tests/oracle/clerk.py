"""Writes journals that make sense: a clerk who sees the oracle's balances before writing the next line."""

import json
from typing import Any

from .per_lot import Order, PerLotBook


class Clerk:
    """Keeps the lines written so far and the oracle's answer to each of them (None for a blank line)."""

    def __init__(self) -> None:
        self.book = PerLotBook()
        self.lines: list[str] = []
        self.given: list[dict[str, Any] | None] = []

    @property
    def answers(self) -> list[dict[str, Any]]:
        """The oracle's answers, in order, without the blank lines."""
        return [answer for answer in self.given if answer is not None]

    def raw(self, text: str) -> dict[str, Any]:
        """Write a line as it stands, wrong or right."""
        self.lines.append(text)
        answer = self.book.handle(text)
        self.given.append(answer)
        return {} if answer is None else answer

    def write(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Write one event."""
        return self.raw(json.dumps({"kind": kind, **fields}, ensure_ascii=False))

    # Reading, so that the next line can be chosen

    def orders_of(self, pool: str) -> list[str]:
        return [title for title, order in self.book.orders.items() if order.pool == pool]

    def order(self, title: str) -> Order:
        return self.book.orders[title]

    def left_of(self, title: str) -> int:
        """What remains of an order's concession."""
        order = self.order(title)
        return order.concession - order.fallen

    def open_cycle(self, pool: str) -> int:
        return self.book.pools[pool].cycle

    def spendable(self, account: str, pool: str) -> int:
        return self.book.purse(account, pool).voucher + self.book.claimable(account, pool)

    def accounts_of(self, title: str) -> list[str]:
        return [lot.account for lot in self.order(title).lots]

    # Verbs that need a look at the books first

    def settle(self, pool: str) -> dict[str, Any]:
        """Settle the open cycle."""
        return self.write("settle", pool=pool, cycle=self.open_cycle(pool))

    def settle_again(self, pool: str, back: int) -> dict[str, Any]:
        """Ask for a cycle that is closed already, `back` cycles ago, or for the next but one when none is."""
        cycle = self.open_cycle(pool)
        return self.write("settle", pool=pool, cycle=max(1, cycle - back) if cycle > 1 else cycle + 1)

    def draw_all(self, account: str, pool: str) -> dict[str, Any]:
        return self.write("draw", account=account, pool=pool)

    def draw_part(self, account: str, pool: str, part: int, whole: int) -> dict[str, Any]:
        share = self.book.claimable(account, pool) * part // whole
        return self.write("draw", account=account, pool=pool, amount_fen=share)

    def spend_part(self, account: str, pool: str, part: int, whole: int) -> dict[str, Any]:
        """Spend a share of everything the account could spend, drawing what is missing."""
        share = self.spendable(account, pool) * part // whole
        return self.write("spend", account=account, pool=pool, amount_fen=share)

    def expire_part(self, account: str, pool: str, part: int, whole: int) -> dict[str, Any]:
        share = self.book.purse(account, pool).voucher * part // whole
        return self.write("expire", account=account, pool=pool, amount_fen=share)

    def return_part(self, account: str, pool: str, part: int, whole: int) -> dict[str, Any]:
        share = self.book.purse(account, pool).redeemed * part // whole
        return self.write("return", account=account, pool=pool, amount_fen=share)

    def refund_part(self, title: str, part: int, whole: int) -> dict[str, Any]:
        """Take back a share, rounded up, of what remains of an order's concession."""
        return self.write("refund", order=title, points_fen=-(-self.left_of(title) * part // whole))

    def take_all_and_refund(self, title: str, *, first: str, part: int, whole: int) -> dict[str, Any]:
        """Everybody in an order takes what there is to take and uses it up, and then the order is refunded.

        :param first: what they do with their vouchers: "keep", "spend", "expire", or "mix" for a bit of each.
        """
        pool = self.order(title).pool
        for account in self.accounts_of(title):
            self.draw_all(account, pool)
            if first in ("spend", "mix"):
                self.spend_part(account, pool, 1, 3 if first == "mix" else 1)
            if first in ("expire", "mix"):
                self.expire_part(account, pool, 1, 2 if first == "mix" else 1)
        return self.refund_part(title, part, whole)
