"""Proposals, the audit log and the clock's runs over HTTP."""

from datetime import timedelta
from typing import Any

import pytest

from greenloop.services import clockwork
from tests.support.looking import Looker, staff_of
from tests.support.town import Town


@pytest.fixture
def proposed(town: Town, clock: Any) -> tuple[Looker, dict[str, Any]]:
    """An operator, and the rate card for the grocer that they proposed."""
    clock(town.at)
    operator = staff_of("operator").fresh()
    return operator, operator.post("/v1/proposals", rate(town)).json


def rate(town: Town, rate_ppm: int = 120_000) -> dict[str, Any]:
    content = {"merchant": "grocer", "rate_ppm": rate_ppm, "valid_from_at": (town.at + timedelta(days=3)).isoformat()}
    return {"kind": "rate.set", "content": content, "reason": "agreed"}


def test_a_proposal_is_rejected_or_withdrawn_and_then_closed(town: Town, proposed: Any) -> None:
    operator, made = proposed
    finance, path = staff_of("finance"), f"/v1/proposals/{made['id']}"
    assert operator.post("/v1/proposals", rate(town)).json == made
    assert finance.post("/v1/proposals", rate(town)).status == 403
    assert finance.post(f"{path}/reject", {"why": "too high"}).code == "auth.reauthenticate"
    finance.fresh()
    assert finance.post(f"{path}/approve", {"sha256": "0" * 64}).code == "proposal.changed"
    answer = finance.post(f"{path}/withdraw")
    assert (answer.status, answer.code) == (403, "proposal.not_yours")
    done = finance.post(f"{path}/reject", {"why": "too high"}, idempotency_key="r")
    assert done.json == {"id": made["id"], "state": "rejected", "outcome": "too high", "shown": None}
    assert finance.post(f"{path}/reject", {"why": "too high"}, idempotency_key="r").body == done.body
    late = finance.post(f"{path}/approve", {"sha256": made["sha256"]})
    assert (late.status, late.code) == (409, "proposal.closed")
    other = operator.post("/v1/proposals", rate(town, 130_000)).json
    assert operator.post(f"/v1/proposals/{other['id']}/withdraw").json["state"] == "withdrawn"
    assert [each["state"] for each in finance.get("/v1/proposals").json["items"]] == ["withdrawn", "rejected"]
    assert finance.get("/v1/proposals?state=open").json["items"] == []


def test_a_proposal_expires(town: Town, proposed: Any, clock: Any) -> None:
    _, made = proposed
    finance = staff_of("finance").fresh()
    clock(town.at + timedelta(hours=72))
    answer = finance.post(f"/v1/proposals/{made['id']}/approve", {"sha256": made["sha256"]})
    assert (answer.status, answer.code) == (409, "proposal.expired")
    assert finance.get(f"/v1/proposals/{made['id']}").json["state"] == "expired"


def test_roles_propose_and_decide_what_is_theirs(town: Town, proposed: Any) -> None:
    _, made = proposed
    marketing = staff_of("marketing").fresh()
    assert marketing.post("/v1/proposals", rate(town, 90_000)).status == 202
    key = {
        "kind": "key.rotate",
        "content": {"client": "x", "scopes": ["orders:read"], "must_sign": "no"},
        "reason": "x",
    }
    answer = marketing.post("/v1/proposals", key)
    assert (answer.status, answer.code) == (403, "proposal.role")
    for role in ("risk", "auditor"):
        other = staff_of(role).fresh()
        assert other.get(f"/v1/proposals/{made['id']}").status == 200
        assert other.post("/v1/proposals", rate(town, 95_000)).code == "auth.role"
        assert other.post(f"/v1/proposals/{made['id']}/approve", {"sha256": made["sha256"]}).code == "auth.role"


def test_the_audit_log_tells_who_did_what(town: Town, proposed: Any) -> None:
    operator, made = proposed
    auditor, about = staff_of("auditor"), f"merchant/{town.merchants['grocer']}"
    (entry,) = auditor.get(f"/v1/audit?about={about}").json["items"]
    assert (entry["actor"], entry["act"]) == (f"account/{operator.account_id}", "proposal.propose")
    assert entry["detail"]["proposal"] == made["id"]
    assert auditor.get(f"/v1/audit?actor=account/{operator.account_id}&about=merchant/").json["items"] == [entry]
    assert auditor.get("/v1/audit?actor=nobody").json["items"] == []
    first = auditor.get("/v1/audit?limit=1").json
    assert len(first["items"]) == 1
    assert first["next_cursor"]
    for role in ("risk", "marketing"):
        assert staff_of(role).get("/v1/audit").code == "auth.role"


def test_what_the_clock_ran_is_told(town: Town) -> None:
    for task in ("vest", "settle"):
        clockwork.begin(task=task, slot="1", due_at=town.at, holder="w", at=town.at)
        clockwork.finish(task=task, slot="1", holder="w", outcome="well", at=town.at + timedelta(seconds=2))
    (run,) = staff_of("risk").get("/v1/runs?task=settle").json["items"]
    assert (run["slot"], run["state"], run["took_ms"], run["outcome"]) == ("1", "done", 2_000, "well")
    assert [each["task"] for each in staff_of("auditor").get("/v1/runs").json["items"]] == ["settle", "vest"]
