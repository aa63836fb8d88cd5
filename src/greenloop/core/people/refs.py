"""Refs: the names by which people and their systems know members, merchants, stores and grants."""

from greenloop.core.faults import Refusal, say

STEPS = frozenset({".", ".."})
"""What an address's steps to here and back look like: clients and proxies take them out."""


def check(ref: str, code: str) -> None:
    """Accept a ref that can stand in an address as one part of it.

    :raises Refusal: it holds a slash, or is a step.
    """
    if "/" in ref or ref in STEPS:
        message = say("The ref {ref} can't stand in an address. Leave slashes out, and name nothing “.” or “..”.")
        raise Refusal(code, message, field="ref", ref=ref)
