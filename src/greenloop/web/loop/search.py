"""Finding whom or what somebody asks about: a member, a merchant, an order."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from greenloop.core.faults import Refusal
from greenloop.core.people.phone import normalised
from greenloop.store.queries import people, search
from greenloop.store.queries.search import HolderRow, OrderRow
from greenloop.web import access
from greenloop.web.page import show

TEXT_MAX = 130
"""A merchant's ref, a slash and an order's number."""
PHONE_DIGITS_MIN = 7


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found; `text` is what was asked for."""

    text: str
    holders: tuple[HolderRow, ...] = ()
    orders: tuple[OrderRow, ...] = ()


@access.staff()
@require_http_methods(["GET", "HEAD", "POST"])
def find(request: HttpRequest) -> HttpResponse:
    """Show what was found; for htmx only that, while somebody types.

    The page's own form posts, so that what is typed stays out of addresses: a phone is looked for in no other way.
    """
    asked = request.POST if request.method == "POST" else request.GET
    text = " ".join(asked.get("q", "").replace("\0", "").split())[:TEXT_MAX]
    found = _found(text, by_phone=request.method == "POST")
    part = request.htmx and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    return show(request, "loop/_found.html" if part else "loop/search.html", found=found)


def _found(text: str, *, by_phone: bool) -> Found:
    if not text:
        return Found("")
    owners = _by_phone(text) if by_phone else []
    holders = {each.account_id: each for each in (*owners, *search.holders(text))}
    return Found(text, tuple(holders.values()), tuple(search.orders(text)))


def _by_phone(text: str) -> list[HolderRow]:
    if sum(letter.isdigit() for letter in text) < PHONE_DIGITS_MIN:
        return []
    try:
        account_id = people.account_by("phone", normalised(text))
    except Refusal:
        return []
    return search.holders_of(account_id) if account_id is not None else []
