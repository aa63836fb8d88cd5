"""The names that people of the platform sign in by, and under which their decisions are kept."""

import unicodedata

from greenloop.core.faults import Refusal, say

LENGTH_MAX = 64


def cleaned(written: str) -> str:
    """Return a name as it is shown: blanks at its ends and double blanks are gone.

    :raises Refusal: nothing is left, it is longer than 64 characters, or it holds characters that can't be seen.
    """
    name = " ".join(unicodedata.normalize("NFKC", written).split())
    if 0 < len(name) <= LENGTH_MAX and not any(unicodedata.category(each)[0] == "C" for each in name):
        return name
    message = say("A name at work has 1 to {most} characters that can be seen. Choose another.")
    raise Refusal("name.unreadable", message, field="name", most=LENGTH_MAX)


def found_by(name: str) -> str:
    """Return what a cleaned name is looked up by: capital letters make no difference."""
    return name.casefold()
