"""Exports that prove themselves, to be taken away from the portal: a file, and its proof beside it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from greenloop.insight.public_log import exports
from greenloop.store.queries.log import CheckpointRow
from greenloop.web import access, cursors
from greenloop.web.page import download, show
from greenloop.web.trust.portal import READERS, tabs

LINES, PROOF = "application/x-ndjson", "application/json"


@access.staff(*READERS)
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Show what can be taken away under the newest checkpoint."""
    return show(
        request,
        "trust/exports.html",
        tabs=tabs("exports"),
        newest=exports.newest(),
        names=list(exports.NAMES),
        leaves_max=exports.LEAVES_MAX,
        journals_max=exports.JOURNALS_MAX,
    )


@access.staff(*READERS)
@require_safe
def lines(request: HttpRequest, name: str, size: int) -> HttpResponse:
    """Give out an export's file."""
    del request
    return download(exports.lines_of(name, _under(name, size)).encode(), f"{name}-{size}.jsonl", LINES)


@access.staff(*READERS)
@require_safe
def proof(request: HttpRequest, name: str, size: int) -> HttpResponse:
    """Give out the proof of an export's file."""
    del request
    made = exports.export(name, _under(name, size))
    return download(made.proof.encode(), f"{name}-{size}.proof.json", PROOF)


def _under(name: str, size: int) -> CheckpointRow:
    row = exports.newest(min(size, cursors.NUMBER_MAX))
    if row is None or name not in exports.NAMES:
        raise Http404
    return row
