"""The audit log: each privileged act leaves one entry, written with it or not at all, and nothing of anybody in it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from greenloop.core.faults import Refusal
from greenloop.core.people.work_name import cleaned
from greenloop.services.books import grants, payout
from greenloop.services.books.reconciling.lines import INSTITUTION, Listed
from greenloop.services.books.reconciling.statement import take_statement
from greenloop.services.loop import claim, hold, settle
from greenloop.services.loop.claiming import Held
from greenloop.services.loop.rules import publish_rules
from greenloop.services.people.complaints import answer_complaint, file_complaint
from greenloop.services.people.enrol import add_shop, set_rate
from greenloop.services.people.forget import forget
from greenloop.services.people.sign_in import PhoneForm, end_seat, give_phones, seat
from greenloop.services.people.staff import appoint_staff, change_second_factor, dismiss_staff, set_up_second_factor
from greenloop.services.trust.acting import acting
from greenloop.services.trust.proposals import approve, propose, reject, withdraw
from greenloop.services.trust.reveal import reveal
from greenloop.services.trust.taxes import note_export
from greenloop.store.queries import claims, trust
from greenloop.store.queries.trust import AuditRow
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.signing import MEI, NOBODY, PASSWORD, SECRET
from tests.support.town import OPENING_AT, Town, found_town, plain_rules

Verb = Callable[[Town], Any]
OFFICE = {"Wu": ["operator"], "Fang": ["finance"], "Shen": ["auditor"]}


@pytest.fixture
def town(database: Database, request: pytest.FixtureRequest) -> Town:
    """Give a town in which there is something for every privileged verb to do; Wu and Fang are in its office."""
    del database
    if getattr(request.node, "callspec", None) and request.node.callspec.params.get("act", "").startswith("claim."):
        return asked_town()
    town = found_town(plain_rules(daily_rebate_cap_fen=150))
    appoint_office(town)
    town.ids["order"] = town.sell("mei", "grocer", 100_000)
    town.ids["hold"] = hold.hold_account(account_id=town.ids["bo"], reason="odd", by="ren", at=town.at)
    town.close(1)
    assert town.close(2).state == "held"
    town.transfer_fees(1)
    grants.propose_grant(ref="spring", amount_fen=900, rebate_fen=300, by="ma", at=town.at)
    seat(merchant="baker", phone=NOBODY, relation="clerk", at=town.at)
    made = propose_rate(town, 110_000)
    town.ids["proposal"] = made.id
    return town


def appoint_office(town: Town) -> None:
    for name, roles in OFFICE.items():
        town.ids[name] = appoint_staff(name=name, roles=roles, at=OPENING_AT, password=PASSWORD)


def asked_town() -> Town:
    """Give a town in which Mei's draw is held for a second person."""
    town = found_town(plain_rules(large_claim_fen=0))
    appoint_office(town)
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    held = town.ask("mei")
    assert isinstance(held, Held)
    town.ids["claim"] = held.claim_id
    return town


def seen_claim(town: Town) -> dict[str, Any]:
    number = town.ids["claim"]
    return {"claim_id": number, "seen": claims.claim(number).content_hash, "by": "Wu", "at": town.at}


def propose_rate(town: Town, rate_ppm: int) -> Any:
    content = {"merchant": "baker", "rate_ppm": rate_ppm, "valid_from_at": (town.at + timedelta(days=2)).isoformat()}
    return propose(kind="rate.set", content=content, reason="agreed", by="Wu", at=town.at)


def hash_of(town: Town) -> str:
    return trust.proposal(town.ids["proposal"], at=town.at).content_hash


def statement(town: Town, name: str) -> Any:
    listed = Listed(INSTITUTION, ())
    return take_statement(listed=listed, name=name, file_hash="0" * 64, by="Wu", at=town.at)


def complained(town: Town) -> int:
    town.ids["complaint"] = file_complaint(
        account_id=town.ids["mei"], category="order", text="Nobody answers.", order_id=None, at=town.at
    )
    return town.ids["complaint"]


def answered(town: Town, *, close: bool, text: str = "We do now.") -> Any:
    return answer_complaint(complaint_id=complained(town), text=text, close=close, by="Wu", at=town.at)


def revealed(town: Town, case: str) -> Any:
    number, by = town.ids["mei"], town.ids["Shen"]
    return reveal(kind="account", number=number, case=case, reason="a complaint", by=by, at=town.at)


def later(town: Town) -> Any:
    return town.at + timedelta(days=9)


ACTS: dict[str, tuple[Verb, str]] = {
    "claim.approve": (lambda t: claim.approve(**seen_claim(t)), "claim/{claim}"),
    "claim.reject": (lambda t: claim.reject(reason="a raid", **seen_claim(t)), "claim/{claim}"),
    "claim.withdraw": (
        lambda t: claim.withdraw(claim_id=t.ids["claim"], account_id=t.ids["mei"], by="mei", at=t.at),
        "claim/{claim}",
    ),
    "settlement.approve": (lambda t: settle.approve(cycle=2, by="Wu", at=t.at), "settlement/2"),
    "settlement.reject": (lambda t: settle.reject(cycle=2, caps_fen={"green": 9}, by="Wu", at=t.at), "settlement/2"),
    "rules.publish": (
        lambda t: publish_rules(document=plain_rules(refund_days=1), effective_at=later(t), by="Wu", at=t.at),
        "rules/2",
    ),
    "shop.add": (lambda t: add_shop(merchant="grocer", ref="north", at=t.at), "merchant/{grocer}"),
    "rate.set": (
        lambda t: set_rate(merchant="baker", rate_ppm=90_000, valid_from_at=later(t), at=t.at),
        "merchant/{baker}",
    ),
    "hold.place": (lambda t: hold.hold_order(order_id=t.ids["order"], reason="odd", by="Wu", at=t.at), "order/{order}"),
    "hold.release": (lambda t: hold.release(hold_id=t.ids["hold"], by="Wu", at=t.at), "account/{bo}"),
    "tax.export": (lambda t: note_export(quarter="2026Q1", facts={"holders": 0}, by="Lin", at=t.at), "tax/2026Q1"),
    "staff.appoint": (lambda t: appoint_staff(name="Fang", roles=["risk"], at=t.at), "account/{Fang}"),
    "staff.dismiss": (lambda t: dismiss_staff(name="Fang", at=t.at), "account/{Fang}"),
    "factor.set_up": (
        lambda t: set_up_second_factor(account_id=t.ids["Fang"], secret=SECRET, at=t.at),
        "account/{Fang}",
    ),
    "factor.codes": (
        lambda t: change_second_factor(account_id=t.ids["Fang"], act="factor.codes", change=lambda: None, at=t.at),
        "account/{Fang}",
    ),
    "phone.give": (lambda t: give_phones(forms=[PhoneForm(t.ids["mei"], MEI)], at=t.at), "account/{mei}"),
    "seat.give": (lambda t: seat(merchant="grocer", phone=MEI, relation="owner", at=t.at), "merchant/{grocer}"),
    "seat.end": (lambda t: end_seat(merchant="baker", phone=NOBODY, at=t.at), "merchant/{baker}"),
    "person.forget": (lambda t: forget(account_id=t.ids["mei"], at=t.at), "account/{mei}"),
    "grant.propose": (
        lambda t: grants.propose_grant(ref="may", amount_fen=30, rebate_fen=3, by="Wu", at=t.at),
        "grant/may",
    ),
    "grant.approve": (lambda t: grants.approve_grant(ref="spring", by="Wu", at=t.at), "grant/spring"),
    "complaint.answer": (lambda t: answered(t, close=False), "complaint/{complaint}"),
    "complaint.close": (lambda t: answered(t, close=True), "complaint/{complaint}"),
    "portal.reveal": (lambda t: revealed(t, "A-123"), "account/{mei}"),
    "deposit.take": (lambda t: t.deposit("grocer", 500), "merchant/{grocer}"),
    "payout.pay": (lambda t: payout.pay_out(business_date=t.today(), at=t.at), "payout/2026-01-19"),
    "statement.take": (lambda t: statement(t, "day"), "statement/institution/day"),
    "proposal.propose": (lambda t: propose_rate(t, 120_000), "merchant/{baker}"),
    "proposal.approve": (
        lambda t: approve(proposal_id=t.ids["proposal"], seen_hash=hash_of(t), by="Fang", at=t.at),
        "merchant/{baker}",
    ),
    "proposal.reject": (
        lambda t: reject(proposal_id=t.ids["proposal"], by="Fang", at=t.at),
        "merchant/{baker}",
    ),
    "proposal.withdraw": (lambda t: withdraw(proposal_id=t.ids["proposal"], by="Wu", at=t.at), "merchant/{baker}"),
}
"""Each privileged act: the verb that does it, and what the entry is about."""


@contextmanager
def noted() -> Iterator[list[AuditRow]]:
    """Yield a list that is filled, at the end, with the entries of the block, oldest first."""
    found: list[AuditRow] = []
    last = int(fetch("SELECT COALESCE(MAX(id), 0) FROM audit_entry")[0][0])
    yield found
    found.extend(row for row in reversed(trust.audit(limit=1_000)) if row.id > last)


@pytest.mark.parametrize("act", ACTS)
def test_a_privileged_act_leaves_one_entry(town: Town, act: str) -> None:
    verb, about = ACTS[act]
    with acting(actor="account/17", request_id="r-1"), noted() as entries:
        verb(town)
    names = {name: str(number) for name, number in town.ids.items()}
    assert [(row.act, row.actor, row.request_id) for row in entries] == [(act, "account/17", "r-1")]
    assert entries[0].about == about.format(**names)
    assert entries[0].at == town.at
    # Canonical: it reads back as what it was written from.
    detail = json.loads(entries[0].detail)
    assert json.dumps(detail, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == entries[0].detail


REFUSED: dict[str, Verb] = {
    "claim.approve": lambda t: claim.approve(claim_id=17, seen="", by="Wu", at=t.at),
    "claim.reject": lambda t: claim.reject(claim_id=17, seen="", reason="a raid", by="Wu", at=t.at),
    "claim.withdraw": lambda t: claim.withdraw(claim_id=17, account_id=t.ids["mei"], by="mei", at=t.at),
    "shop.add": lambda t: add_shop(merchant="nobody", ref="north", at=t.at),
    "statement.take": lambda t: statement(t, ""),
    "settlement.approve": lambda t: settle.approve(cycle=7, by="Wu", at=t.at),
    "settlement.reject": lambda t: settle.reject(cycle=2, caps_fen={"green": -1}, by="Wu", at=t.at),
    "rules.publish": lambda t: publish_rules(document={}, effective_at=later(t), by="Wu", at=t.at),
    "rate.set": lambda t: set_rate(merchant="baker", rate_ppm=1, valid_from_at=later(t), at=t.at),
    "hold.place": lambda t: hold.hold_order(order_id=17, reason="odd", by="Wu", at=t.at),
    "hold.release": lambda t: hold.release(hold_id=17, by="Wu", at=t.at),
    "tax.export": lambda t: note_export(quarter="2026Q1", facts={}, by="Wu", at=t.at),
    "staff.appoint": lambda t: appoint_staff(name="Fang", roles=["auditor"], at=t.at),
    "staff.dismiss": lambda t: dismiss_staff(name="nobody", at=t.at),
    "factor.codes": lambda t: change_second_factor(
        account_id=t.ids["Fang"], act="factor.codes", change=partial(cleaned, ""), at=t.at
    ),
    "phone.give": lambda t: give_phones(forms=[PhoneForm(t.ids["mei"], NOBODY)], at=t.at),
    "seat.give": lambda t: seat(merchant="nowhere", phone=MEI, relation="owner", at=t.at),
    "seat.end": lambda t: end_seat(merchant="grocer", phone=NOBODY, at=t.at),
    "person.forget": lambda t: forget(account_id=17, at=t.at),
    "grant.propose": lambda t: grants.propose_grant(ref="may", amount_fen=3, rebate_fen=30, by="Wu", at=t.at),
    "grant.approve": lambda t: grants.approve_grant(ref="spring", by="ma", at=t.at),
    "complaint.answer": lambda t: answered(t, close=False, text=" "),
    "complaint.close": lambda t: answer_complaint(complaint_id=17, text="x", close=True, by="Wu", at=t.at),
    "portal.reveal": lambda t: revealed(t, ""),
    "deposit.take": lambda t: t.deposit("grocer", 0),
    "payout.pay": lambda t: payout.pay_out(business_date=t.today() + timedelta(days=3), at=t.at),
    "proposal.propose": lambda t: propose_rate(t, 210_000),
    "proposal.approve": lambda t: approve(proposal_id=t.ids["proposal"], seen_hash="", by="Fang", at=t.at),
    "proposal.reject": lambda t: reject(proposal_id=t.ids["proposal"], by="Wu", at=t.at),
    "proposal.withdraw": lambda t: withdraw(proposal_id=t.ids["proposal"], by="Fang", at=t.at),
}


def test_every_privileged_act_that_can_be_refused_is_tried() -> None:
    assert set(ACTS) - set(REFUSED) == {"factor.set_up"}


def test_what_is_refused_leaves_no_entry(town: Town) -> None:
    with noted() as entries:
        for verb in REFUSED.values():
            with pytest.raises(Refusal):
                verb(town)
    assert entries == []


AGAIN = ("rules.publish", "rate.set", "hold.place", "hold.release", "grant.propose", "grant.approve", "deposit.take")


@pytest.mark.parametrize("act", [*AGAIN, "payout.pay", "phone.give", "staff.appoint"])
def test_what_was_done_already_is_not_noted_again(town: Town, act: str) -> None:
    verb, _ = ACTS[act]
    verb(town)
    with noted() as entries:
        verb(town)
    assert entries == []


def test_at_the_console_the_actor_is_the_account_whose_name_is_given(town: Town) -> None:
    with noted() as entries:
        for by in ("wu", str(town.ids["Wu"]), "somebody"):
            number = hold.hold_order(order_id=town.ids["order"], reason="odd", by=by, at=town.at)
            hold.release(hold_id=number, by=by, at=town.at)
    wu = f"account/{town.ids['Wu']}"
    assert [row.actor for row in entries] == [wu, wu, wu, wu, "console", "console"]


def test_the_clock_s_payouts_and_one_s_own_phone_are_no_privileged_acts(town: Town) -> None:
    with noted() as entries:
        with acting(actor="scheduler"):
            assert payout.pay_out(business_date=town.today(), at=town.at)
        with acting(actor=f"account/{town.ids['mei']}"):
            give_phones(forms=[PhoneForm(town.ids["mei"], MEI)], at=town.at)
    assert entries == []


def test_the_log_says_nothing_about_a_person(town: Town) -> None:
    for act in ("phone.give", "seat.end", "staff.appoint", "hold.place", "proposal.approve", "factor.set_up"):
        ACTS[act][0](town)
    told = "".join(f"{row.actor}{row.about}{row.detail}" for row in trust.audit(limit=1_000))
    for known in (MEI, MEI.removeprefix("+86"), NOBODY, "Wu", "Fang", "odd", "agreed", SECRET, PASSWORD):
        assert known not in told


def test_the_log_is_read_by_actor_and_by_what_it_is_about(town: Town) -> None:
    with acting(actor="account/17"):
        for act in ("deposit.take", "rate.set", "hold.release", "grant.approve"):
            ACTS[act][0](town)
    mine = trust.audit(actor="account/17", limit=9)
    assert [row.act for row in mine] == ["grant.approve", "hold.release", "rate.set", "deposit.take"]
    assert trust.audit(actor="account/17", before=mine[1].id, limit=1) == [mine[2]]
    grocer = f"merchant/{town.ids['grocer']}"
    assert [row.act for row in trust.audit(about=grocer, limit=9)] == ["deposit.take"]
    of_merchants = [row.act for row in trust.audit(actor="account/17", about="merchant/", limit=9)]
    assert of_merchants == ["rate.set", "deposit.take"]
    assert trust.audit(actor="nobody", limit=9) == trust.audit(about="merchant/1", limit=9) == []
