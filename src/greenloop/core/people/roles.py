"""Roles of the platform's people that rules speak of."""

DECIDERS = ("operator", "finance")
"""Who decides, as a second person, on what moves members' money; the database says who has a role."""
HOLDERS = ("risk", "operator", "finance")
"""Who holds orders and accounts."""
CLAIM_DECIDERS = HOLDERS
"""Who decides on one member's large draw or spend."""
CLAIM_READERS = (*CLAIM_DECIDERS, "auditor")
"""Who sees large draws and spends."""
READERS = ("auditor", "regulator")
"""Who reads everything and changes nothing; who is one has no other role. A regulator sees what an auditor sees."""
ROLES = ("operator", "finance", "risk", "marketing", *READERS)
"""All of them."""


def admitted(roles: tuple[str, ...]) -> frozenset[str]:
    """Return who comes in where these roles do: whoever has any of them, and regulators where auditors do."""
    return frozenset((*roles, *READERS) if "auditor" in roles else roles or ROLES)
