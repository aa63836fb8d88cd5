import pytest
from dataclasses import replace
from datetime import timedelta
from greenloop.core.faults import Refusal
from tests.support.town import *
from tests.support.ledger import last_postings, whole_database

def test_replay_voucher(town: Town) -> None:
    town.sell("mei","grocer",100_000); town.close(1); town.close(2)
    s = town.sale("mei","baker",0,voucher_fen=100)
    a = town.take(s); b = town.take(s)
    assert not b.refusals, b.refusals
def test_vest_only_vouchers(town: Town) -> None:
    town.sell("mei","grocer",100_000); town.close(1); town.close(2)
    town.sell("mei","baker",0,voucher_fen=100)
    town.close(3)
def test_vest_only_tiny(town: Town) -> None:
    town.sell("mei","grocer",50)
    town.close(1)
def test_vest_again_empty(town: Town) -> None:
    a = town.vest(1); town.close(1)
    assert town.vest(1) == a
def test_draw_types(town: Town) -> None:
    town.sell("mei","grocer",100_000); town.close(1); town.close(2)
    for bad in (1.5, True, "1"):
        with pytest.raises(Refusal): town.draw("mei", bad)
def test_in_call_conflict(town: Town) -> None:
    from greenloop.services.people.enrol import MemberForm, enrol_members
    with pytest.raises(Refusal):
        enrol_members(forms=[MemberForm("x","a",town.at), MemberForm("x","b",town.at)], at=town.at)
def test_merchant_other_rate(town: Town) -> None:
    with pytest.raises(Refusal): town.merchant("grocer", rate_ppm=50_000)
def test_replay_unknown_shop(town: Town) -> None:
    s = town.sale("mei","grocer",100); town.take(s)
    t = town.take(replace(s, shop="nowhere")); assert t.refusals
def test_naive(town: Town) -> None:
    s = town.sale("mei","grocer",100); 
    t = town.take(replace(s, paid_at=s.paid_at.replace(tzinfo=None))); assert t.refusals
def test_delivered_other(town: Town) -> None:
    s = town.sale("mei","grocer",100); town.take(s)
    t = town.take(replace(s, delivered=False)); print(t)
def test_release_order(town: Town) -> None:
    from greenloop.services.loop.hold import hold_order, release
    o = town.sell("mei","grocer",100_000); town.close(1); town.close(2)
    h = hold_order(order_id=o, reason="x", by="risk", at=town.at)
    with pytest.raises(Refusal): town.draw("mei")
    release(hold_id=h, by="risk", at=town.at)
    assert town.draw("mei") == 100
def test_replace_ledger(town: Town) -> None:
    from tests.support.ledger import execute
    from django.db import connection, DatabaseError
    town.sell("mei","grocer",100_000)
    if connection.vendor == "sqlite":
        with pytest.raises(DatabaseError):
            execute("INSERT OR REPLACE INTO ledger_account (id,name,account_class,book,is_asset,debits_fen,credits_fen) SELECT id,name,account_class,book,is_asset,0,0 FROM ledger_account WHERE name='trust:bank'")
def test_account_class(town: Town) -> None:
    from tests.support.ledger import execute
    from django.db import connection, DatabaseError
    with pytest.raises(DatabaseError):
            execute("UPDATE ledger_account SET account_class='trust:bank' WHERE name='trust:reserve'")
