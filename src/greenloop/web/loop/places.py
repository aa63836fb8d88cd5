"""Whose wallet a page shows: the visitor's own, or a holder's whom the platform's people look at; and its addresses."""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from greenloop.store.queries import lookups
from greenloop.web import access

PAGES = {
    "wallet": "holder_wallet",
    "wallet_orders": "holder_orders",
    "wallet_points": "holder_points",
    "wallet_ledger": "holder_ledger",
}
"""Each page of one's own wallet, and the same of a holder."""


@dataclass(frozen=True, slots=True)
class Place:
    """A holder's pages. `own` says that the visitor looks at what is theirs; `kind` is member or merchant."""

    account_id: int
    kind: str
    ref: str
    city: str
    own: bool

    def url(self, page: str) -> str:
        """Return the address of one of the holder's pages."""
        return reverse(page) if self.own else reverse(PAGES[page], args=[self.ref])

    def tabs(self, here: str) -> list[tuple[str, str, bool]]:
        """Return the way between the holder's pages, as tabs."""
        labels = (_("Wallet"), _("Purchases"), _("Points"), _("Movements"))
        return [(label, self.url(page), page == here) for page, label in zip(PAGES, labels, strict=True)]


def own(request: HttpRequest) -> Place:
    """Return the visitor's own place; there is no way to name another's."""
    found = access.visitor(request)
    if found is None or found.member_ref is None:
        raise PermissionDenied
    return Place(found.account_id, "member", found.member_ref, "", own=True)


def of_holder(name: str) -> Place:
    """Return the place of a holder by ref or account number.

    :raises Refusal: there is none, or two share the ref.
    """
    found = lookups.holder(name)
    # The name that led here leads on as well: a ref that two share has only account numbers.
    return Place(found.account_id, found.kind, name, found.city, own=False)
