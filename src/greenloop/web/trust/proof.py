"""What is owed to all, published: roots for everybody, and one's own amount in them, checked on one's own device."""

import json
from dataclasses import dataclass
from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from greenloop.core.faults import Refusal
from greenloop.insight import check_inclusion, inclusion
from greenloop.services import measures
from greenloop.store.queries import liabilities, statements
from greenloop.web import access, cursors, refusals, words
from greenloop.web.access import Visitor
from greenloop.web.page import download, show

ROWS = 30


@dataclass(frozen=True, slots=True)
class Holder:
    """An account whose proof the visitor may have: their own, or that of a merchant they act for."""

    account_id: int
    name: str
    proof: str


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the newest root, or an older one, and a button for each of the visitor's own accounts."""
    asked = cursors.whole(request.GET.get("cycle", ""))
    root = liabilities.root(asked) if asked else liabilities.newest()
    if asked and root is None:
        raise Http404
    before = cursors.number(request)
    found, last = cursors.page(liabilities.roots(before=before or liabilities.LATEST, limit=ROWS + 1), ROWS)
    return show(
        request,
        "trust/proof.html",
        root=root,
        holders=_holders(access.visitor(request), root.cycle) if root else [],
        address=reverse("root_file", args=[root.cycle]) if root else "",
        roots=found,
        older=f"{reverse('proof')}?before={last.cycle}" if last else None,
        newer=reverse("proof") if before else None,
    )


@require_safe
def root_file(request: HttpRequest, cycle: int) -> HttpResponse:
    """Return a published root as a file; everybody may have it.

    :raises Refusal: there is none.
    """
    del request
    return _file(inclusion.published(inclusion.root_of(cycle)), f"root-{cycle}.json")


@require_safe
def program(request: HttpRequest) -> HttpResponse:
    """Return the program that checks a proof without us."""
    del request
    return download(Path(check_inclusion.__file__).read_bytes(), "check_inclusion.py", "text/x-python; charset=utf-8")


@access.signed_in
@require_safe
def proof_file(request: HttpRequest, cycle: int, account: int) -> HttpResponse:
    """Return the proof of one of the visitor's own accounts; a script is told why there is none by its code.

    :raises Refusal: there is no such root, it isn't signed, its tree isn't here, or nothing was owed to the account.
    """
    root = inclusion.root_of(cycle)
    if account not in {each.account_id for each in _holders(access.visitor(request), cycle)}:
        raise Http404
    try:
        return _file(inclusion.document(root, account), f"proof-{cycle}-{account}.json")
    except Refusal as refusal:
        if request.accepts("text/html"):
            raise
        measures.refused(refusal.code)
        return JsonResponse({"code": refusal.code, "detail": words.told(refusal)}, status=refusals.status(refusal))


def _holders(found: Visitor | None, cycle: int) -> list[Holder]:
    if found is None:
        return []
    accounts = {found.account_id: found.member_ref} if found.member_ref else {}
    accounts |= {account: ref for ref, account in statements.accounts(found.merchant_refs).items()}
    return [Holder(account, name, reverse("proof_file", args=[cycle, account])) for account, name in accounts.items()]


def _file(facts: dict[str, object], name: str) -> HttpResponse:
    return download(json.dumps(facts, ensure_ascii=False).encode(), name, "application/json")
