"""The public log, for anybody: a page that says what it is, and its files as the log publishes them."""

import json
from dataclasses import dataclass
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from greenloop.insight.public_log import files
from greenloop.store.queries import liabilities, log, logged, seals
from greenloop.store.queries.log import TILE, LeafRow
from greenloop.web import cursors
from greenloop.web.page import show

ROWS = 20
ROOTS = 5
HASH_SHOWN = 16
SETTLED_S = 31_536_000
"""How long a file that never changes may be kept on the way; the others are asked for each time."""
KINDS = {
    logged.SETTLEMENT: gettext_lazy("settlement"),
    logged.RULES: gettext_lazy("rules"),
    logged.MINTING: gettext_lazy("minting"),
    logged.DECISION: gettext_lazy("decision"),
    seals.LEAF: gettext_lazy("journals"),
    "root": gettext_lazy("what is owed"),
    "rootless": gettext_lazy("no root"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One leaf as the page shows it; `tile` is the address of the file that holds it, once it is signed."""

    number: int
    at: datetime
    kind: str
    about: str
    hash: str
    text: str
    tile: str | None


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the newest checkpoint, the last leaves, and how to check."""
    newest = log.newest_checkpoint()
    signed = newest.checkpoint.size if newest else 0
    before = cursors.number(request)
    rows, last = cursors.page(log.last_leaves(before=before or cursors.NUMBER_MAX, limit=ROWS + 1), ROWS)
    return show(
        request,
        "trust/log.html",
        newest=newest,
        roots=liabilities.roots(limit=ROOTS),
        waiting=log.size() - signed,
        lines=[_line(row, signed) for row in rows],
        older=f"{reverse('log')}?before={last.number}" if last and last.number else None,
        newer=reverse("log") if before else None,
        address=request.build_absolute_uri(reverse("log")),
    )


def _line(row: LeafRow, signed: int) -> Line:
    return Line(
        number=row.number,
        at=row.at,
        kind=str(KINDS.get(row.kind, row.kind)),
        about=row.about,
        hash=row.leaf_hash[:HASH_SHOWN],
        text=json.dumps(json.loads(row.body), indent=2, ensure_ascii=False),
        tile=reverse("log_tile", args=[f"{row.number // TILE:06d}"]) if row.number < signed else None,
    )


@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    """Give out the newest signed checkpoint."""
    del request
    newest = log.newest_checkpoint()
    if newest is None:
        raise Http404
    return _file(newest.note.text, kept_s=0)


@require_safe
def checkpoint_of(request: HttpRequest, size: int) -> HttpResponse:
    """Give out the signed checkpoint of a size."""
    del request
    found = log.checkpoint_of(min(size, cursors.NUMBER_MAX))
    if found is None:
        raise Http404
    return _file(found.note.text, kept_s=SETTLED_S)


@require_safe
def sizes(request: HttpRequest) -> HttpResponse:
    """Give out the sizes of which there are checkpoints."""
    del request
    return _file(files.sizes_text(log.checkpoints()), kept_s=0)


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """Give out the keys that have signed."""
    del request
    return _file(files.keys_text(), kept_s=0)


@require_safe
def tops(request: HttpRequest) -> HttpResponse:
    """Give out the roots over full files of leaves, as far as they are signed."""
    del request
    newest = log.newest_checkpoint()
    return _file(files.tops_text(newest.checkpoint.size if newest else 0), kept_s=0)


@require_safe
def tile(request: HttpRequest, number: int) -> HttpResponse:
    """Give out a file of leaves, as far as they are signed."""
    del request
    newest = log.newest_checkpoint()
    size = newest.checkpoint.size if newest else 0
    if number * TILE >= size:
        raise Http404
    return _file(files.tile_text(number, size), kept_s=SETTLED_S if (number + 1) * TILE <= size else 0)


def _file(text: str, *, kept_s: int) -> HttpResponse:
    answer = HttpResponse(text, content_type="text/plain; charset=utf-8")
    answer["Cache-Control"] = f"public, max-age={kept_s}, immutable" if kept_s else "public, no-cache"
    answer["Access-Control-Allow-Origin"] = "*"
    return answer
