"""What a key may be allowed to do, in the words that keys and documents use."""

from collections.abc import Iterable

from greenloop.core.faults import Refusal, say

SCOPES = (
    *("orders:read", "orders:write", "refunds:write"),
    *("members:read", "members:write", "wallets:read", "wallets:write"),
    *("merchants:read", "merchants:write", "statements:read", "webhooks:write"),
)
KEYS_LIVE_MAX = 2
"""One key can take over from another while both are good."""


def checked(scopes: Iterable[str]) -> frozenset[str]:
    """Return the scopes of a key.

    :raises Refusal: there are none, or one is unknown.
    """
    found = frozenset(scopes)
    if not found or found - set(SCOPES):
        raise Refusal(
            "key.scope", say("Name one or more of these scopes: {scopes}."), field="scopes", scopes=", ".join(SCOPES)
        )
    return found
