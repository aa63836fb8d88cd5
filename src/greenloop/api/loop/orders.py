"""Orders: taken by the till's functions, looked up, confirmed as delivered, and quoted."""

from django.http import HttpRequest, HttpResponse
from ninja import Router

from greenloop.api import access
from greenloop.api.access import Keyed
from greenloop.api.loop import till
from greenloop.api.problems import respond
from greenloop.api.shapes import answers, takes

router = Router(tags=["orders"])


@router.post(
    "/orders",
    auth=Keyed("orders:write"),
    response={201: None},
    summary="Take an order",
    operation_id="takeOrder",
    openapi_extra={**takes({"application/json": "OrderIn"}), **answers(201, "OrderOut", "The order as it was taken")},
)
def take_order(request: HttpRequest) -> HttpResponse:
    """Take one sale.

    The same (merchant, order_no) has one effect and one answer; other content under it is refused.
    """
    return respond(till.one(request.META, request.body, access.of(request)))


@router.post(
    "/orders/bulk",
    auth=Keyed("orders:write"),
    summary="Take many orders",
    operation_id="takeOrders",
    openapi_extra={
        **takes({"application/json": "OrdersIn", till.NDJSON: "OrderIn"}),
        **answers(
            200, "OrdersOut", "What became of each, in the order in which they were sent", **{till.NDJSON: "ItemOut"}
        ),
    },
)
def take_orders(request: HttpRequest) -> HttpResponse:
    """Take up to 1 000 sales, each of which stands or falls alone.

    Send JSON, or one order a line (`application/x-ndjson`), which is answered one result a line.
    """
    return respond(till.bulk(request.META, request.body, access.of(request)))
