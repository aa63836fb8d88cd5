"""The API as a whole: its rooms' routes, its schema, and how every no is said."""

from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from greenloop.api import access, busy, invalid, limits, shapes
from greenloop.api.books.cases import router as cases
from greenloop.api.books.exports import router as exports
from greenloop.api.books.ledger import router as ledger
from greenloop.api.books.money import router as money
from greenloop.api.books.notices import router as notices
from greenloop.api.books.payouts import router as payouts
from greenloop.api.books.statements import router as statements
from greenloop.api.hooks.webhooks import router as webhooks
from greenloop.api.loop import till, wallet
from greenloop.api.loop.claims import router as claims
from greenloop.api.loop.holds import router as holds
from greenloop.api.loop.ledgers import router as ledgers
from greenloop.api.loop.order import router as orders
from greenloop.api.loop.payments import router as payments
from greenloop.api.loop.pools import router as pools
from greenloop.api.loop.refunds import router as refunds
from greenloop.api.loop.settlements import router as settlements
from greenloop.api.loop.wallets import router as wallets
from greenloop.api.people.clients import router as clients
from greenloop.api.people.members import router as members
from greenloop.api.people.merchants import router as merchants
from greenloop.api.problems import Problem, Reply, respond
from greenloop.api.trust.audit import router as audit
from greenloop.api.trust.log import router as log
from greenloop.api.trust.proposals import router as proposals
from greenloop.api.trust.roots import router as roots
from greenloop.api.trust.tracing import router as tracing
from greenloop.core.faults import Breach, Refusal, say


class Api(NinjaAPI):
    """NinjaAPI, whose schema also names the problems that any route may answer with."""

    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> Any:
        """Return the OpenAPI document."""
        schema = super().get_openapi_schema(*args, **kwargs)
        components = schema.setdefault("components", {})
        components.setdefault("schemas", {}).update(_messages() | {"Problem": PROBLEM})
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        who = self._who()
        for path in schema["paths"].values():
            for operation in path.values():
                for status, what in (("4XX", "The request is at fault"), ("5XX", "The service is at fault, or busy")):
                    operation["responses"].setdefault(status, {"description": what, "content": content})
                for named, needed in zip(operation["security"], who[operation["operationId"]], strict=True):
                    named.update(dict.fromkeys(named, needed))
        return schema

    def _who(self) -> dict[str, list[list[str]]]:
        """Return for each operation what its callers need, in the order of its kinds of callers: a scope, or a role."""
        return {
            str(operation.operation_id): [each.needs for each in operation.auth_callbacks]  # type: ignore[attr-defined]
            for _prefix, router in self._routers
            for view in router.path_operations.values()
            for operation in view.operations
        }


def _messages() -> dict[str, Any]:
    found = shapes.components([till.OrderIn, till.OrdersIn, till.OrdersOut, wallet.WalletOut])
    found["OrdersIn"]["properties"]["orders"]["items"] = shapes.ref("OrderIn")
    found["ItemOut"]["properties"]["problem"] = shapes.ref("Problem")
    return found


PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457 problem details. `code` stays; `detail` is in the caller's language.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "field": {"type": "string"},
        "claim": {"type": "string", "description": "The claim that waits for a second person, where one does."},
    },
}
api = Api(
    title="Greenloop",
    version="1.0.0",
    description="What tills, malls and mini-programs call. Amounts are whole fen, ids are text, instants have "
    "a zone; every write may be asked for again, and every no is a problem with a code that stays.",
    urls_namespace="v1",
    docs_url="/docs",
    openapi_url="/openapi.json",
)
api.add_router("", orders)
api.add_router("", payments)
api.add_router("", refunds)
api.add_router("", wallets)
api.add_router("", ledgers)
api.add_router("", pools)
api.add_router("", settlements)
api.add_router("", claims)
api.add_router("", holds)
api.add_router("", members)
api.add_router("", merchants)
api.add_router("", clients)
api.add_router("", payouts)
api.add_router("", statements)
api.add_router("", money)
api.add_router("", notices)
api.add_router("", cases)
api.add_router("", ledger)
api.add_router("", exports)
api.add_router("", proposals)
api.add_router("", audit)
api.add_router("", log)
api.add_router("", roots)
api.add_router("", tracing)
api.add_router("", webhooks)


def _raise(fault: Exception) -> Reply:
    raise fault


def no(request: HttpRequest, fault: Any) -> HttpResponse:
    """Answer whatever a route raised, in the one way that the busiest routes do."""
    if isinstance(fault, ValidationError):
        fault = invalid.by_pydantic(fault.errors)
    elif isinstance(fault, HttpError):
        return respond(busy.answered(request.META, lambda: _raise(_http(request, fault))))
    elif isinstance(fault, Http404):
        fault = Problem(404, "address.unknown", say("There is nothing at this address."))
    elif isinstance(fault, RequestDataTooBig):
        fault = limits.too_large(0)
    elif isinstance(fault, BadRequest | SuspiciousOperation):
        fault = _unread(400)
    return respond(busy.answered(request.META, lambda: _raise(fault)))


def _http(request: HttpRequest, fault: HttpError) -> Problem:
    if fault.status_code == 401:
        return access.nobody(request)
    return _unread(fault.status_code)


def _unread(status: int) -> Problem:
    return Problem(status, "body.json", say("The body can't be read as JSON."))


for _kind in (
    Refusal,
    Problem,
    Breach,
    OperationalError,
    ValidationError,
    HttpError,
    Http404,
    RequestDataTooBig,
    Exception,
):
    api.add_exception_handler(_kind, no)
