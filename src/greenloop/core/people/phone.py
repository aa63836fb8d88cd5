"""Phone numbers in one form, so that one person is found by one number however it was typed: +8613800138000."""

import re
import unicodedata

from greenloop.core.faults import Refusal, say

MAINLAND = re.compile(r"1[3-9][0-9]{9}")
"""A mobile of mainland China; a text message reaches nothing else there."""
INTERNATIONAL = re.compile(r"\+[1-9][0-9]{6,14}")
BETWEEN = re.compile(r"[\s().·-]")
WRITTEN_MAX = 64


def normalised(written: str) -> str:
    """Return a phone number as + and digits; mainland mobiles need no country code.

    :raises Refusal: it is no number that a text message could reach.
    """
    # NFKC turns the full-width digits and signs of Chinese keyboards into plain ones.
    digits = BETWEEN.sub("", unicodedata.normalize("NFKC", written[:WRITTEN_MAX]).replace("–", "-"))
    if digits.startswith("00"):
        digits = f"+{digits.removeprefix('00')}"
    national = digits.removeprefix("+86").removeprefix("86" if len(digits) == 13 else "")
    if MAINLAND.fullmatch(national):
        return f"+86{national}"
    if INTERNATIONAL.fullmatch(digits) and not digits.startswith("+86"):
        return digits
    message = say(
        "This is no phone number that a text message could reach. Write the 11 digits of a mainland mobile, or a + "
        "and the country's code before any other number."
    )
    raise Refusal("phone.unreadable", message, field="phone")


def masked(phone: str) -> str:
    """Hide the middle of a normalised number: who has it recognises it, others learn little."""
    shown = phone.removeprefix("+86")
    return f"{shown[:3]}{'*' * (len(shown) - 7)}{shown[-4:]}" if len(shown) > 9 else f"{shown[:2]}****{shown[-2:]}"
