"""docs/webhooks.md is true: the bodies that it shows are sent, its sample knows them, its waits are the product's."""

import base64
import json
import re
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from greenloop.services.books.institution.asking import ask_payment, end_payment
from greenloop.services.books.institution.ending import close_due
from greenloop.services.books.institution.gateway import Answer, Said
from greenloop.services.books.institution.notices import take_notices
from greenloop.services.books.institution.sending import claim, record
from greenloop.services.loop import minting
from greenloop.services.loop.claim import approve, reject
from greenloop.services.loop.hold import hold_account, release
from greenloop.services.loop.notice import give_notice
from greenloop.services.loop.rules import publish_rules
from greenloop.services.outbox import endpoints, sending, signing, waits
from greenloop.services.outbox.kinds import KINDS
from greenloop.services.people.clients import register_client
from greenloop.services.people.enrol import MemberForm, enrol_members, set_rate
from greenloop.store import sql
from greenloop.store.queries import claims
from tests.support.ledger import fetch
from tests.support.town import OPENING_AT, Town, plain_rules

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
SHOWN = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]
SAMPLE = "".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def shows(told: Any, sent: Any) -> bool:
    """Tell whether a body is what the page shows, no more and no less: … stands for what differs each time."""
    if isinstance(told, dict) and isinstance(sent, dict):
        return list(told) == list(sent) and all(shows(told[key], sent[key]) for key in told)
    return bool(sent) if told == "…" else bool(told == sent)


def let_it_happen(town: Town) -> None:
    """Let one event of each kind happen to the grocer, and to a member who enrolled through its tills."""
    since = town.at + timedelta(days=10)
    set_rate(merchant="grocer", rate_ppm=120_000, valid_from_at=since, at=town.at)
    publish_rules(document=plain_rules(), effective_at=since, by="rules", at=town.at)
    account = fetch("SELECT account_id FROM merchant WHERE ref = 'grocer'")[0][0]
    with transaction.atomic():
        minting.write(minting.Draft(mints=False, effective_at=town.at + timedelta(minutes=1)), by="Wu", at=town.at)
    held = hold_account(account_id=account, reason="looked at", by="risk", at=town.at)
    release(hold_id=held, by="risk", at=town.at)
    order = town.sell("ada", "grocer", 100_000)
    town.refund(order, 10_000, "R1")
    town.close(1)
    town.pay_out()
    town.refund(order, 10_000, "R2")
    town.close(2)
    town.draw("ada")
    publish_rules(document=plain_rules(large_claim_fen=0), effective_at=town.at, by="rules", at=town.at)
    for decide, order_no in ((approve, "2026-01-19/7"), (partial(reject, reason="a raid"), "2026-01-19/8")):
        sale = town.sale("ada", "grocer", voucher_fen=10, order_no=order_no)
        number = int(str(town.take(sale).refusals[0].facts["claim"]))
        decide(claim_id=number, seen=claims.claim(number).content_hash, by="risk", at=town.at)
    pay(town)
    town.at = sql.moment(fetch("SELECT MIN(expires_at) FROM voucher")[0][0]) - timedelta(days=30)
    assert give_notice(at=town.at) == 1


def pay(town: Town) -> None:
    """Let the first of three payments be made, the second end, and the third be refused for good."""
    numbers = []
    for order_no in ("P1", "P2", "P3"):
        order = town.sell("ada", "grocer", 10_000, order_no=order_no, confirmed=False)
        numbers.append(ask_payment(order_id=order, at=town.at))
    paid, _, refused = numbers
    done = Said("n", paid, "T", "success", 10_000, town.at, "0" * 64)
    take_notices(said=[done, done], at=town.at)
    end_payment(order_id=fetch("SELECT id FROM orders WHERE order_no = 'P2'")[0][0], at=town.at)
    assert close_due(gateway=None, at=town.at) == 1
    no = Answer(is_accepted=False, fault="no contract")
    for _ in range(2):
        claimed = claim(at=town.at)
        record(answers=[(told, no) for told in claimed if told.number == refused], at=town.at)


def test_each_body_that_the_page_shows_is_sent(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GREENLOOP_HOOKS_TO_LOOPBACK", True)
    client = register_client(name="tills", kind="merchant", merchants=["grocer"], at=town.at)
    forms = [MemberForm(ref="ada", city="Hangzhou", enrolled_at=OPENING_AT)]
    town.ids |= enrol_members(forms=forms, at=town.at, client_id=client)
    facts: dict[str, Any] = {"kinds": tuple(KINDS), "by": "console", "at": town.at}
    endpoints.register(client="tills", url="http://127.0.0.1:8000/", **facts)
    let_it_happen(town)
    sent = [json.loads(body) for (body,) in fetch("SELECT body FROM outbox_event ORDER BY id")]
    assert {each["type"] for each in SHOWN} == set(KINDS)
    missing = [each for each in SHOWN if not any(shows(each, body) for body in sent)]
    assert missing == [], "\n".join(map(json.dumps, sent))


def test_the_sample_of_the_page_knows_what_was_sent_just_now_from_what_was_not() -> None:
    names: dict[str, Any] = {}
    exec(SAMPLE, names)  # noqa: S102  the page's own lines
    genuine = names["genuine"]
    secret, other, now = signing.new_secret(), signing.new_secret(), time.time()
    keys = [base64.b64decode(each.removeprefix("whsec_")) for each in (other, secret)]

    def sent(at: float, *signers: bytes) -> dict[str, str]:
        return signing.headers(event_id=7, body=b"{}", keys=signers, at=datetime.fromtimestamp(at, UTC))

    assert genuine(secret, sent(now, *keys), b"{}")
    assert genuine(other, sent(now, *keys), b"{}")
    assert not genuine(secret, sent(now, *keys), b"{ }")
    assert not genuine(secret, sent(now, keys[0]), b"{}")
    assert not genuine(secret, sent(now - 400, *keys), b"{}")


def test_the_page_names_the_product_s_waits_and_limits() -> None:
    def written(wait: timedelta) -> str:
        seconds = int(wait.total_seconds())
        for unit, size in (("h", 3_600), ("min", 60)):
            if seconds >= size:
                return f"{seconds // size} {unit}"
        return f"{seconds} s"

    *first, last = map(written, waits.WAITS)
    assert f"after {', '.join(first)} and {last}, each up to a tenth later" in PAGE
    assert timedelta(days=1) == waits.ASKED_MAX
    assert f"within {sending.TIMEOUT_S} seconds" in PAGE
    assert f"at most {endpoints.ENDPOINTS_MAX} endpoints" in PAGE
    assert f"For {endpoints.OLD_SECRET // timedelta(hours=1)} hours both sign" in PAGE
