"""Who may look at the demo's pages, printed once: an account for each role, and how it signs in."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from greenloop.cli.answer import table, text
from greenloop.cli.words import gettext
from greenloop.core.faults import say

if TYPE_CHECKING:
    from greenloop.sim.visitors import Invitation

ROLES = {
    "operator": say("operator"),
    "finance": say("finance"),
    "risk": say("risk"),
    "marketing": say("marketing"),
    "auditor": say("auditor"),
    "regulator": say("regulator"),
    "merchant": say("merchant"),
    "member": say("member"),
}
CODES_SHOWN = 2


def invited(invitations: "Sequence[Invitation]") -> list[Any]:
    """Return the table of accounts for people, and a sentence on how each kind signs in."""
    columns = [
        *(gettext("role"), gettext("signs in as"), gettext("password")),
        *(gettext("secret for an authenticator app"), gettext("or a code, once each")),
    ]
    rows = [
        (
            *(gettext(ROLES[each.role]), each.name or each.phone or "", each.password or "–"),
            *(each.secret or "–", "\n".join(each.recovery_codes[:CODES_SHOWN]) or "–"),
        )
        for each in invitations
    ]
    how = gettext(
        "Members and merchants sign in by phone; the code appears in this terminal while the pages are served. Staff "
        "sign in at /sign-in/staff/ by name and password, then by what an app shows for the secret, or by a code."
    )
    return [table(gettext("One account for each role, drawn for this demo"), columns, rows), text(how, "dim")]
