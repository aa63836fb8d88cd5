"""The receiver of webhooks is down while tills sell, refund and are paid: no order waits for it, no event is lost."""

from collections import Counter
from time import monotonic

import pytest
from django.conf import settings

from greenloop.services.outbox.deliver import deliver_due
from greenloop.services.outbox.endpoints import register
from greenloop.services.outbox.kinds import KINDS
from greenloop.services.people.clients import register_client
from tests.faults.profile import PROFILE, tallied
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.receiving import genuine, receiving
from tests.support.town import Town, found_town

DAYS = min(4 * PROFILE.scale, 28)
ORDERS_A_DAY = 10


def drain(town: Town) -> None:
    """Let days go by in which what waits is sent, past the longest wait of each delivery."""
    for _ in range(DAYS + 12):
        town.later(hours=27)
        deliver_due(at=town.at)


@pytest.mark.parametrize("broken", ["refuses connections", "answers 503"])
def test_events_wait_while_their_receiver_is_down_and_arrive_once_it_is_back(
    database: Database, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    town = found_town()
    monkeypatch.setattr(settings, "GREENLOOP_HOOKS_TO_LOOPBACK", True)
    with receiving(answer=503) as receiver, tallied(f"webhook target {broken}", database.engine) as tally:
        with receiving() as closed:  # once the block ends, nobody listens there
            port = closed.port
        url = receiver.url if broken == "answers 503" else closed.url
        register_client(name="tills", kind="merchant", merchants=["grocer"], at=town.at)
        secret = register(client="tills", url=url, kinds=tuple(KINDS), by="console", at=town.at).secret
        assert secret is not None

        passes_s = 0.0
        for _ in range(DAYS):
            orders = [town.sell("mei", "grocer", 10_000) for _ in range(ORDERS_A_DAY)]
            refunds = [town.refund(order, 1_000) for order in orders[::5]]
            assert set(refunds) == {"paid"}
            tally.acknowledged += len(orders)
            tally.counts["refunds"] += len(refunds)
            begun_s = monotonic()
            passed = deliver_due(at=town.at)
            passes_s += monotonic() - begun_s
            assert passed.arrived == 0
            tally.counts["failed tries"] += passed.failed
            town.later(days=1).pay_out()
            tally.counts["payouts"] += 1
        assert tally.counts["failed tries"] >= DAYS - 1
        assert passes_s < 5 * DAYS, "a receiver that is down kept its senders"

        receiver.got.clear()
        receiver.answer = 204
        with receiving(port if broken != "answers 503" else 0) as back:
            drain(town)
            got = [*receiver.got, *back.got]
        written = {str(number): kind for number, kind in fetch("SELECT id, kind FROM outbox_event")}
        arrived = Counter(each.id for each in got)
        tally.counts["events"] = len(written)
        tally.lost = len(written.keys() - arrived.keys())
        tally.doubled = sum(arrived.values()) - len(arrived)
        assert all(genuine(secret, each.headers, each.body) for each in got)
        assert Counter(written.values()) == {
            "refund.paid": tally.counts["refunds"],
            "payout.paid": tally.counts["payouts"],
        }
        assert fetch("SELECT state, COUNT(*) FROM delivery GROUP BY state") == [("done", len(written))]
        assert fetch("SELECT COUNT(*) FROM orders") == [(tally.acknowledged,)]
        tally.prove_books()
        tally.assert_exact()
