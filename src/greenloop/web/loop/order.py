"""One order: where each fen of its price and concession went, for those who have to do with it and for nobody else."""

from collections.abc import Iterator
from typing import Literal

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from greenloop.core.faults import Refusal
from greenloop.insight.tracing import picture, shares
from greenloop.insight.tracing.words import account_words, kind_words
from greenloop.store.queries import journeys, traces
from greenloop.store.queries.journeys import Journey
from greenloop.store.queries.traces import OrderRow
from greenloop.web import access, words
from greenloop.web.access import Visitor
from greenloop.web.page import show

SLASHES_MAX = 4
Eyes = Literal["staff", "shopper", "merchant"]
Step = tuple[str, str, bool]


@access.signed_in
@require_safe
def order(request: HttpRequest, merchant: str, order_no: str) -> HttpResponse:
    """Show an order to its shopper, to its shop and to the platform's people."""
    visitor = access.visitor(request)
    if visitor is None:
        raise Http404
    if visitor.staff and (way := access.factor_first(request, visitor)):
        return way
    journey = journeys.journey(_found(merchant, order_no))
    eyes = _eyes(visitor, journey)
    if eyes is None:
        raise Http404
    refunds = traces.refunds(journey.order.id)
    vouchers = journeys.vouchers(journey.order, journey.shopper_account_id)
    numbers, keys = shares.needed(journey, refunds)
    told = shares.shares(journey, refunds, vouchers, traces.journals_of(numbers, keys))
    return show(
        request,
        "loop/order.html",
        eyes=eyes,
        order=journey.order,
        journey=journey,
        refunds=refunds,
        vouchers=vouchers,
        figure=picture.figure(journey),
        price=picture.price_pieces(journey),
        concession=picture.concession_pieces(journey),
        steps=list(_steps(journey)),
        shares=told,
        kind_words=kind_words,
        account_words=account_words,
    )


def _found(merchant: str, order_no: str) -> OrderRow:
    """Return an order by the two parts of its address, wherever the slash between them stands: both may hold more.

    :raises Http404: there is none.
    """
    parts = f"{merchant}/{order_no}".split("/", SLASHES_MAX)
    pairs = [("/".join(parts[:place]), "/".join(parts[place:])) for place in range(1, len(parts))]
    for pair in dict.fromkeys([(merchant, order_no), *pairs]):
        try:
            return traces.order(*pair)
        except Refusal:
            continue
    raise Http404


def _eyes(visitor: Visitor, journey: Journey) -> Eyes | None:
    """Return as whom a visitor sees an order; None for who has nothing to do with it."""
    refs = visitor.merchant_refs
    if visitor.staff:
        return "staff"
    if journey.shopper_account_id == visitor.account_id or (journey.shop_bought and journey.order.member in refs):
        return "shopper"
    return "merchant" if journey.order.merchant in refs else None


def _steps(journey: Journey) -> Iterator[Step]:
    """Yield how far the order has come, as label, time and whether it is done."""
    order, waits = journey.order, _("not yet")
    yield _("Paid at the shop"), words.moment(order.paid_at), True
    confirmed = order.confirmed_at
    yield _("Cash confirmed by the bank"), words.moment(confirmed) if confirmed else waits, confirmed is not None
    yield _("Delivered"), words.moment(journey.delivered_at) if journey.delivered_at else waits, bool(order.vests_at)
    if order.entry_cycle is None:
        window = _("refunds until {moment}").format(moment=words.moment(order.vests_at)) if order.vests_at else waits
        yield _("Final: refund window over, concession divided"), _("is on hold") if order.held else window, False
    else:
        label = _("Final in cycle {cycle}: concession divided, points counted").format(cycle=order.entry_cycle)
        yield label, words.moment(journey.vested.at) if journey.vested else "", True
        if journey.shopper.points or journey.merchant.points:
            settled = _("last cut-off {moment}").format(moment=words.moment(journey.released_at))
            label = _("Settlements since: {count}").format(count=words.count(journey.releases))
            yield label, settled if journey.releases else waits, journey.releases > 0
    if order.fee_part_fen:
        yield _("Platform fee moved"), words.moment(journey.fee.at) if journey.fee else waits, journey.fee is not None
    paid = journey.payout_date
    yield _("Paid out to the shop"), words.day(paid) if paid else waits, paid is not None
