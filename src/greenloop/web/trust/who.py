"""What records of this room call people and deeds, in words for a page."""

from collections.abc import Iterable
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from greenloop.store.queries import people

ACCOUNT = "account/"
NUMBER_MAX = 2**63 - 1

KINDS: dict[str, Any] = {
    "rules.publish": gettext_lazy("Rules"),
    "mint.stop": gettext_lazy("Minting stops"),
    "mint.resume": gettext_lazy("Minting starts again"),
    "rate.set": gettext_lazy("Rate card"),
    "correction": gettext_lazy("Correction"),
    "deposit.take": gettext_lazy("Deposit of a merchant"),
    "key.rotate": gettext_lazy("Key"),
    "client.extend": gettext_lazy("Merchants of a client"),
    "case.close": gettext_lazy("A case closed"),
}
ACTS: dict[str, str | Promise] = {
    "claim.approve": gettext_lazy("let a large draw or spend through"),
    "claim.reject": gettext_lazy("turned a large draw or spend down"),
    "claim.withdraw": gettext_lazy("took a large draw or spend back"),
    "client.register": gettext_lazy("registered a caller of the API"),
    "client.withdraw": gettext_lazy("withdrew a merchant from a caller of the API"),
    "complaint.answer": gettext_lazy("answered a complaint"),
    "complaint.close": gettext_lazy("closed a complaint"),
    "deposit.take": gettext_lazy("took a merchant's deposit"),
    "factor.codes": gettext_lazy("drew new recovery codes"),
    "factor.set_up": gettext_lazy("set up a second factor"),
    "grant.approve": gettext_lazy("approved a grant"),
    "grant.propose": gettext_lazy("proposed a grant"),
    "hold.place": gettext_lazy("placed a hold"),
    "hold.release": gettext_lazy("released a hold"),
    "key.issue": gettext_lazy("issued a key"),
    "key.revoke": gettext_lazy("revoked a key"),
    "payout.pay": gettext_lazy("paid merchants out"),
    "person.forget": gettext_lazy("forgot a person"),
    "phone.give": gettext_lazy("gave somebody a phone"),
    "portal.reveal": gettext_lazy("had a person or a complaint revealed"),
    "proposal.approve": gettext_lazy("approved a proposal"),
    "proposal.propose": gettext_lazy("made a proposal"),
    "proposal.reject": gettext_lazy("rejected a proposal"),
    "proposal.withdraw": gettext_lazy("withdrew a proposal"),
    "rate.set": gettext_lazy("set a rate card"),
    "rules.publish": gettext_lazy("published rules"),
    "instruction.again": gettext_lazy("let an instruction to the institution be sent again"),
    "run.retry": gettext_lazy("let a run of the clock be tried again"),
    "books.vouch": gettext_lazy("let money leave trust though the books were found broken"),
    "seat.end": gettext_lazy("ended a seat"),
    "seat.give": gettext_lazy("gave somebody a seat"),
    "settlement.approve": gettext_lazy("approved a settlement"),
    "settlement.reject": gettext_lazy("rejected a settlement"),
    "shop.add": gettext_lazy("added a store"),
    "statement.take": gettext_lazy("took a statement"),
    "staff.appoint": gettext_lazy("appointed somebody"),
    "tax.export": gettext_lazy("took the tax files of a quarter"),
    "staff.dismiss": gettext_lazy("dismissed somebody"),
    "webhook.end": gettext_lazy("ended an endpoint of webhooks"),
    "webhook.register": gettext_lazy("registered an endpoint of webhooks"),
    "webhook.replay": gettext_lazy("had webhooks sent again"),
    "webhook.rotate": gettext_lazy("changed the secret of an endpoint of webhooks"),
}
"""Acts in words; one that is not here is shown as it is written."""


def named(records: Iterable[str | None]) -> dict[str, str]:
    """Return what the people in records are called; whoever isn't there is shown as the record has it."""
    numbers = {name: int(name.removeprefix(ACCOUNT)) for name in records if name and _is_account(name)}
    known = people.names(set(numbers.values())) if numbers else {}
    named = {name: known[number] for name, number in numbers.items() if number in known}
    return {"scheduler": _("the scheduler"), "console": _("the console"), **named}


def _is_account(name: str) -> bool:
    number = name.removeprefix(ACCOUNT)
    return name != number and number.isascii() and number.isdigit() and len(number) < 20 and int(number) <= NUMBER_MAX
