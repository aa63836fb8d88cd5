"""Fen followed, for whose they are: where the concession of an order went, and which orders paid for a voucher."""

from functools import partial

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from greenloop.core.faults import Refusal
from greenloop.insight.tracing.fen import paid_by, went
from greenloop.insight.tracing.names import pseudonym
from greenloop.store.queries import traced
from greenloop.store.queries.traced import PayerRow, VoucherRow
from greenloop.web import access, cursors
from greenloop.web.access import Visitor
from greenloop.web.page import show

ID_MAX = 2**63 - 1


@access.signed_in
@require_safe
def order(request: HttpRequest, number: int) -> HttpResponse:
    """Show where the money is that an order brought into pools, to its shopper, its shop and the platform's people."""
    visitor = _visitor(request)
    found = traced.payers([number]).get(number) if number <= ID_MAX else None
    if found is None or not _may_know(visitor, found):
        raise Http404
    if visitor.staff and (way := access.factor_first(request, visitor)):
        return way
    place = cursors.number(request) or 0
    told = went(number, at=place)
    return show(
        request,
        "loop/trace_order.html",
        order=found,
        parts=told.parts,
        place=place,
        older=told.next_place,
        state_words=state_words(),
    )


@access.signed_in
@require_safe
def voucher(request: HttpRequest, number: int) -> HttpResponse:
    """Show which orders paid for a voucher, to its holder and the platform's people; whose the orders are, to staff."""
    visitor = _visitor(request)
    found = _voucher(number)
    if not (visitor.staff or found.account_id == visitor.account_id):
        raise Http404
    if visitor.staff and (way := access.factor_first(request, visitor)):
        return way
    place = min(cursors.number(request) or 0, found.face_fen)
    told = paid_by(found, at=place)
    return show(
        request,
        "loop/trace_voucher.html",
        told=told,
        place=place,
        older=told.next_place,
        payers=[(each, each.order if each.order and _may_know(visitor, each.order) else None) for each in told.payers],
        pseudonym=partial(pseudonym, viewer=f"account/{visitor.account_id}"),
    )


def state_words() -> dict[str, str]:
    """Return where fen are, in words."""
    return {
        "free": _("in the pool, not released yet"),
        "released": _("released, not drawn yet"),
        "unspent": _("in vouchers, unspent"),
        "use": _("spent"),
        "returning": _("on its way back into the pool"),
        "reserve": _("repaid a debt to the reserve"),
    }


def _visitor(request: HttpRequest) -> Visitor:
    visitor = access.visitor(request)
    if visitor is None:
        raise Http404
    return visitor


def _voucher(number: int) -> VoucherRow:
    if number > ID_MAX:
        raise Http404
    try:
        return traced.voucher(number)
    except Refusal as refusal:
        raise Http404 from refusal


def _may_know(visitor: Visitor, order_row: PayerRow) -> bool:
    """Tell whether a visitor may know which order it is: its shopper, its shop, the platform's people."""
    own = order_row.member_id == visitor.account_id or order_row.merchant in visitor.merchant_refs
    return bool(visitor.staff) or own
