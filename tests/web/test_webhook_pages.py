"""The pages of webhooks: endpoints, what was sent to them, why it didn't arrive, and the buttons that send it again."""

import re
from datetime import datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from greenloop.services.outbox.deliver import deliver_due
from greenloop.services.outbox.endpoints import register
from greenloop.services.people.clients import register_client
from greenloop.services.people.enrol import set_rate
from tests.support.ledger import fetch
from tests.support.receiving import Receiver, receiving
from tests.support.visiting import counted, said, seated, visit
from tests.web.staff import QUERIES_MAX, at_work

if TYPE_CHECKING:
    from tests.support.town import Town


@pytest.fixture(autouse=True)
def loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.conf import settings

    monkeypatch.setattr(settings, "GREENLOOP_HOOKS_TO_LOOPBACK", True)


def listening(town: "Town", receiver: Receiver, merchant: str = "grocer") -> int:
    """Let a merchant's tills be told of its rate, and its rate be set."""
    name = f"tills of {merchant}"
    register_client(name=name, kind="merchant", merchants=[merchant], at=town.at)
    made = register(client=name, url=receiver.url, kinds=["rate.set"], by="console", at=town.at)
    since = town.at + timedelta(days=1)
    set_rate(merchant=merchant, rate_ppm=120_000, valid_from_at=since, at=town.at)
    return made.id


def only_delivery() -> tuple[int, str, datetime]:
    ((number, state, done_at),) = fetch("SELECT id, state, done_at FROM delivery")
    return number, state, done_at


def links(client: Client, path: str) -> set[str]:
    """Return where a page leads."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    return set(re.findall(r'href="([^"]+)"', unescape(answer.content.decode())))


def test_an_operator_sees_why_it_did_not_arrive_and_sends_it_again(town: "Town", operator: int) -> None:
    lin = visit(operator)
    with receiving(answer=503) as receiver:
        endpoint = listening(town, receiver)
        deliver_due(at=town.at)
        assert receiver.url in said(lin, "/webhooks/")
        number, *_ = only_delivery()
        assert f"/webhooks/deliveries/{number}/" in links(lin, f"/webhooks/{endpoint}/?state=waiting")
        assert f"/webhooks/deliveries/{number}/" not in links(lin, f"/webhooks/{endpoint}/?state=given_up")
        page = said(lin, f"/webhooks/deliveries/{number}/")
        assert "503" in page
        assert '"rate_ppm": 120000' in page
        receiver.answer = 204
        deliver_due(at=town.at + timedelta(minutes=1))
        assert "arrived" in said(lin, f"/webhooks/deliveries/{number}/")
        assert lin.post(f"/webhooks/deliveries/{number}/replay/").status_code == 302
        assert only_delivery()[1] == "waiting"
    assert fetch("SELECT actor, about FROM audit_entry WHERE act = 'webhook.replay'") == [
        (f"account/{operator}", f"delivery/{number}"),
    ]


def test_what_was_given_up_in_the_last_month_is_sent_again_by_one_button(
    town: "Town", operator: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenloop.web import clock

    lin = visit(operator)
    with receiving(answer=500) as receiver:
        endpoint = listening(town, receiver)
        while only_delivery()[1] == "waiting":
            deliver_due(at=town.at)
            town.later(hours=27)
    button = "Send again what was given up in 30 days"
    assert button in said(lin, f"/webhooks/{endpoint}/")
    monkeypatch.setattr(clock, "now", lambda: town.at + timedelta(days=31))
    lin.post(f"/webhooks/{endpoint}/replay/")
    assert only_delivery()[1] == "given_up"
    monkeypatch.setattr(clock, "now", lambda: town.at)
    lin.post(f"/webhooks/{endpoint}/replay/")
    assert only_delivery()[1] == "waiting"
    assert button not in said(lin, f"/webhooks/{endpoint}/")


def test_a_merchant_s_owner_sees_and_sends_again_what_went_to_its_own_clients_only(town: "Town") -> None:
    with receiving() as receiver:
        theirs, others = listening(town, receiver), listening(town, receiver, "baker")
        deliver_due(at=town.at)
    rows = dict(fetch("SELECT endpoint_id, id FROM delivery"))
    owner = seated("grocer")
    page = links(owner, "/webhooks/")
    assert f"/webhooks/{theirs}/" in page
    assert f"/webhooks/{others}/" not in page
    said(owner, f"/webhooks/{theirs}/")
    said(owner, f"/webhooks/{others}/", status=404)
    said(owner, f"/webhooks/deliveries/{rows[others]}/", status=404)
    assert owner.post(f"/webhooks/deliveries/{rows[others]}/replay/").status_code == 404
    assert owner.post(f"/webhooks/{others}/replay/").status_code == 404
    assert owner.post(f"/webhooks/deliveries/{rows[theirs]}/replay/").status_code == 302
    assert dict(fetch("SELECT endpoint_id, state FROM delivery")) == {theirs: "waiting", others: "done"}


def test_an_auditor_reads_but_sends_nothing_and_nobody_else_reads(town: "Town") -> None:
    with receiving() as receiver:
        endpoint = listening(town, receiver)
        deliver_due(at=town.at)
    number, *_ = only_delivery()
    auditor = at_work("auditor")
    assert "Send it again" not in said(auditor, f"/webhooks/deliveries/{number}/")
    assert auditor.post(f"/webhooks/deliveries/{number}/replay/").status_code == 403
    assert auditor.post(f"/webhooks/{endpoint}/replay/").status_code == 403
    clerk = seated("grocer", relation="clerk", phone="clerk")
    for client in (at_work("marketing"), visit(town.ids["mei"]), clerk):
        for path in ("", f"{endpoint}/", f"deliveries/{number}/"):
            said(client, f"/webhooks/{path}", status=403)
        assert client.post(f"/webhooks/deliveries/{number}/replay/").status_code == 403
    assert only_delivery()[1] == "done"


def test_many_deliveries_go_on_page_by_page_and_cost_few_statements(town: "Town", operator: int) -> None:
    lin = visit(operator)
    with receiving() as receiver:
        endpoint = listening(town, receiver)
    for place in range(40):
        since = town.at + timedelta(days=2, seconds=place)
        set_rate(merchant="grocer", rate_ppm=90_000 + place, valid_from_at=since, at=town.at)
    first, *_rest = [row[0] for row in fetch("SELECT id FROM delivery ORDER BY id")]
    with counted() as found:
        page = links(lin, f"/webhooks/{endpoint}/")
    assert len(found) <= QUERIES_MAX
    assert f"/webhooks/deliveries/{first}/" not in page
    oldest = fetch("SELECT id FROM delivery ORDER BY id LIMIT 1 OFFSET 1")[0][0]
    assert f"/webhooks/{endpoint}/?before={oldest}" in page
    assert f"/webhooks/deliveries/{first}/" in links(lin, f"/webhooks/{endpoint}/?before={oldest}")
    said(lin, f"/webhooks/{2**70}/", status=404)
