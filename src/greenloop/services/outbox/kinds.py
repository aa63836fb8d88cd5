"""What an endpoint may be told of, in the words that endpoints, bodies and documents use."""

from collections.abc import Collection, Iterable

from greenloop.core.faults import Refusal, say

KINDS = {
    "orders.vested": say("Orders of a cycle have vested."),
    "settlement.posted": say("A cycle is settled: new vouchers can be drawn."),
    "refund.paid": say("A refund is paid."),
    "refund.pending": say("A refund waits for money of the merchant."),
    "payment.paid": say("The payment of an order is made."),
    "payment.closed": say("The payment of an order can't be made any more."),
    "payment.failed": say("The payment of an order failed: people have to look."),
    "payout.paid": say("A merchant is paid out."),
    "rate.set": say("A merchant has a new concession rate."),
    "rules.published": say("New rules are published."),
    "minting.turned": say("Purchases make points no more from an instant on, or do so again."),
    "claim.approved": say("A large spend may be taken: send its order again."),
    "claim.rejected": say("A large spend was turned down."),
    "vouchers.expiring": say("Vouchers of a member will expire."),
    "hold.placed": say("A merchant's account is on hold."),
    "hold.released": say("A merchant's account is free again."),
}
"""Each kind, and what it says."""
READ_BY = {
    "orders.vested": "orders:read",
    "refund.paid": "orders:read",
    "refund.pending": "orders:read",
    "payment.paid": "orders:read",
    "payment.closed": "orders:read",
    "payment.failed": "orders:read",
    "payout.paid": "statements:read",
    "claim.approved": "orders:read",
    "claim.rejected": "orders:read",
    "rate.set": "merchants:read",
    "vouchers.expiring": "wallets:read",
    "hold.placed": "merchants:read",
    "hold.released": "merchants:read",
}
"""The scope with which a key could read what a kind tells; what is not here is published to every client."""


def lacking(kinds: Iterable[str], scopes: Collection[str]) -> list[str]:
    """Return the scopes that a key lacks which wants to be told of kinds, in order."""
    return sorted({READ_BY[kind] for kind in kinds if kind in READ_BY} - set(scopes))


def checked(kinds: Iterable[str]) -> tuple[str, ...]:
    """Return the kinds an endpoint asks for, in order.

    :raises Refusal: there are none, or one is unknown.
    """
    found = tuple(sorted(set(kinds)))
    if not found or set(found) - set(KINDS):
        message = say("Name one or more of these kinds of events: {kinds}.")
        raise Refusal("webhook.kind", message, field="kinds", kinds=", ".join(KINDS))
    return found
