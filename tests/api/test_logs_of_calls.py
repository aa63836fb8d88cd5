"""What the log and the measures say of calls: who called by number, what for, why not; and never whom it was about."""

import json
from typing import Any

import pytest
from prometheus_client import REGISTRY

from tests.support.asking import Answer, ask
from tests.support.calling import Caller
from tests.support.logged import logged
from tests.support.town import Town


def send(till: Caller, path: str, body: Any, **environ: Any) -> Answer:
    """Send a call to the whole application, as the server does."""
    from greenloop.config.wsgi import application

    content = json.dumps(body).encode()
    told = {"HTTP_AUTHORIZATION": f"Bearer {till.token}", "CONTENT_TYPE": "application/json"} | environ
    return ask(application, path, method="POST", body=content, **told)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


def test_calls_are_told_by_route_client_and_code_and_say_nothing_of_anybody(
    town: Town, till: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: dict[str, Any] = {
        "merchant": "grocer",
        "order_no": "till-7/2041",
        "member": "mei",
        "paid_at": town.at.isoformat(),
    }
    order |= {"cash_fen": 12_345, "delivered": True}
    refused = counted("greenloop_refusals_total", code="auth.merchant")
    batches = counted("greenloop_batch_items_count", queue="orders")
    with logged(monkeypatch) as log:
        taken = send(till, "/v1/orders", order, HTTP_X_REQUEST_ID="till-7.1")
        assert (taken.status, taken.headers["x-request-id"]) == (201, "till-7.1")
        assert send(till, "/v1/orders", order | {"merchant": "baker"}).status == 403
        assert send(till, "/v1/nowhere/mei?order=2041", order).status == 404
        assert send(Caller(f"{till.token}x"), "/v1/orders", order).status == 401
    number = till.token.split("_")[1]
    first, others, _, stranger = log.lines
    assert (first["route"], first["status"], first["caller"], first["request_id"]) == (
        *("/v1/orders", 201, "client"),
        "till-7.1",
    )
    assert first["client"] not in {"", number}  # the client's number, not its key's
    assert (others["status"], others["refusal"], others["client"]) == (403, "auth.merchant", first["client"])
    assert (stranger["status"], stranger["refusal"]) == (401, "auth.key")
    assert "client" not in stranger
    assert counted("greenloop_refusals_total", code="auth.merchant") == refused + 1
    assert counted("greenloop_batch_items_count", queue="orders") == batches + 1
    private = ("mei", "grocer", "baker", "2041", taken.json["id"], till.token.split("_", 2)[2], str(town.ids["mei"]))
    assert [word for word in private if word in log.text] == []
