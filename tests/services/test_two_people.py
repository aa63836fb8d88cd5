"""Maker and checker: one person proposes, another approves, and what happens is what that other person saw."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import pytest

from greenloop.core.faults import Breach, Refusal
from greenloop.services.books.grants import approve_grant, propose_grant
from greenloop.services.loop.hold import hold_account
from greenloop.services.loop.rules import in_force, publish_rules, rulings
from greenloop.services.loop.settle import approve as approve_settlement
from greenloop.services.loop.settle import reject as reject_settlement
from greenloop.services.people.enrol import set_rate
from greenloop.services.people.staff import appoint_staff, dismiss_staff
from greenloop.services.trust.proposals import Proposed, approve, propose, reject, withdraw
from greenloop.store.queries import trust
from tests.support.ledger import execute, fetch, whole_database
from tests.support.threads import at_once
from tests.support.town import OPENING_AT, Town, found_town, plain_rules

HOUR = timedelta(hours=1)
ROLES = {"Wu": ["operator"], "Fang": ["finance"], "Ma": ["marketing"], "Ren": ["risk"], "Shen": ["auditor"]}


@pytest.fixture
def staff(town: Town) -> dict[str, str]:
    """Give the accounts of the town's office by name, as pages write them."""
    del town
    return {
        name: str(appoint_staff(name=name, roles=roles, at=OPENING_AT, password="a long first password"))
        for name, roles in ROLES.items()
    }


def rate_of(town: Town, **changes: object) -> dict[str, object]:
    """Return a proposal for the grocer to concede 12 % from day 3 on."""
    content = {"merchant": "grocer", "rate_ppm": 120_000, "valid_from_at": town.instant(3, 0).isoformat()}
    return content | changes


def rules_of(town: Town, day: int = 20, **changes: Any) -> dict[str, object]:
    """Return a proposal of other plain rules from the midnight of a day on."""
    return {"document": plain_rules(**changes), "effective_at": town.instant(day, 0).isoformat()}


def propose_rate(town: Town, by: str, **changes: object) -> Proposed:
    return propose(kind="rate.set", content=rate_of(town, **changes), reason="agreed in May", by=by, at=town.at)


def propose_rules(town: Town, by: str, **changes: Any) -> Proposed:
    content = rules_of(town, **changes)
    return propose(kind="rules.publish", content=content, reason="a longer window", by=by, at=town.at)


def refused(code: str, verb: Callable[[], Any]) -> Refusal:
    """Expect a refusal that writes nothing at all."""
    before = whole_database()
    with pytest.raises(Refusal) as caught:
        verb()
    assert caught.value.code == code
    assert whole_database() == before
    return caught.value


def cards() -> list[tuple[Any, ...]]:
    return fetch("SELECT m.ref, c.rate_ppm FROM rate_card c JOIN merchant m ON m.id = c.merchant_id ORDER BY c.id")


def test_a_rate_is_set_when_another_person_approves_what_they_saw(town: Town, staff: dict[str, str]) -> None:
    before = cards()
    made = propose_rate(town, staff["Ma"])
    assert cards() == before
    found = trust.proposal(made.id, at=town.at)
    assert (found.state, found.proposed_by, found.reason) == ("open", f"account/{staff['Ma']}", "agreed in May")
    assert found.document == {
        "merchant": "grocer",
        "rate_ppm": 120_000,
        # Midnight of day 3 in Shanghai.
        "valid_from_at": "2026-01-06T16:00:00+00:00",
    }
    assert found.content_hash == made.content_hash == sha256(found.content.encode()).hexdigest()

    town.later(hours=2)
    approve(proposal_id=made.id, seen_hash=made.content_hash, by=staff["Fang"], at=town.at)
    assert cards() == [*before, ("grocer", 120_000)]
    now = trust.proposal(made.id, at=town.at)
    assert (now.state, now.decided_by, now.decided_at) == ("done", f"account/{staff['Fang']}", town.at)
    # 12 % of 1 000.00 paid on day 3, 10 % of what was paid on day 2.
    town.day(4)
    for day in (2, 3):
        town.sell("mei", "grocer", 100_000, paid_at=town.instant(day))
    assert fetch("SELECT concession_fen FROM orders ORDER BY id") == [(10_000,), (12_000,)]


def test_rules_are_published_when_another_person_approves_them(town: Town, staff: dict[str, str]) -> None:
    made = propose_rules(town, staff["Wu"], refund_days=5)
    assert len(rulings()) == 1
    done = approve(proposal_id=made.id, seen_hash=made.content_hash, by=staff["Fang"], at=town.at + HOUR)
    ruling = in_force(rulings(), town.instant(20, 0))
    assert (ruling.rules.refund_days, done.outcome) == (5, f"rules/{ruling.id}")
    assert in_force(rulings(), town.instant(19, 23)).rules.refund_days == 0


def test_nobody_approves_or_rejects_what_they_proposed_by_whatever_name(town: Town, staff: dict[str, str]) -> None:
    made = propose_rate(town, staff["Wu"])
    for name in (staff["Wu"], f"account/{staff['Wu']}", "Wu", "wu", "  WU "):
        refused("proposal.two_people", lambda: decide(made, name, town.at))  # noqa: B023  called at once
        refused("proposal.two_people", lambda: reject(proposal_id=made.id, by=name, at=town.at))  # noqa: B023
    by_name = propose(kind="rate.set", content=rate_of(town, rate_ppm=90_000), reason="x", by="wu", at=town.at)
    refused("proposal.two_people", lambda: decide(by_name, staff["Wu"], town.at))
    decide(by_name, staff["Fang"], town.at)


def decide(made: Proposed, by: str, at: datetime) -> None:
    approve(proposal_id=made.id, seen_hash=made.content_hash, by=by, at=at)


def test_the_database_itself_refuses_a_proposer_as_decider(town: Town, staff: dict[str, str]) -> None:
    made = propose_rate(town, staff["Wu"])
    with pytest.raises(Exception, match="proposal_two_people"):
        execute("UPDATE proposal SET state = 'done', decided_by = proposed_by WHERE id = %s", made.id)


@pytest.mark.parametrize(
    ("kind", "may_propose", "may_decide"),
    [
        ("rules.publish", {"Wu", "Fang"}, {"Wu", "Fang"}),
        ("rate.set", {"Wu", "Ma"}, {"Wu", "Fang"}),
    ],
)
def test_each_kind_is_proposed_and_decided_by_the_roles_that_may(
    town: Town, staff: dict[str, str], kind: str, may_propose: set[str], may_decide: set[str]
) -> None:
    made = {"rules.publish": rules_of(town), "rate.set": rate_of(town)}[kind]
    second = str(appoint_staff(name="Zhao", roles=["operator"], at=OPENING_AT, password="a long first password"))
    proposed = propose(kind=kind, content=made, reason="x", by=second, at=town.at)
    for name in ROLES:
        if name not in may_propose:
            refused(
                "proposal.role",
                lambda: propose(kind=kind, content=made, reason="x", by=staff[name], at=town.at),  # noqa: B023
            )
        else:
            # It is let through, as far as to be told that it is proposed already.
            refused(
                "proposal.open",
                lambda: propose(kind=kind, content=made, reason="x", by=staff[name], at=town.at),  # noqa: B023
            )
        if name not in may_decide:
            refused("proposal.role", lambda: decide(proposed, staff[name], town.at))  # noqa: B023
            refused(
                "proposal.role",
                lambda: reject(proposal_id=proposed.id, by=staff[name], at=town.at),  # noqa: B023
            )
    for stranger in ("nobody", str(town.ids["mei"]), "scheduler", "9" * 30):
        refused("proposal.role", lambda: decide(proposed, stranger, town.at))  # noqa: B023
    decide(proposed, staff[min(may_decide)], town.at)


def test_who_was_dismissed_decides_no_more(town: Town, staff: dict[str, str]) -> None:
    made = propose_rate(town, staff["Wu"])
    dismiss_staff(name="Fang", at=town.at)
    refused("proposal.role", lambda: decide(made, staff["Fang"], town.at))


def test_a_proposal_lives_for_72_hours(town: Town, staff: dict[str, str]) -> None:
    made = propose_rate(town, staff["Wu"], valid_from_at=town.instant(30, 0).isoformat())
    late = town.at + timedelta(hours=72)
    refused("proposal.expired", lambda: decide(made, staff["Fang"], late))
    refused("proposal.expired", lambda: reject(proposal_id=made.id, by=staff["Fang"], at=late))
    assert trust.proposal(made.id, at=late).state == "expired"
    assert [row.id for row in trust.closed_proposals(at=late, limit=5)] == [made.id]
    # The same again is a new proposal, and a second before the end is in time.
    again = propose(
        kind="rate.set",
        content=rate_of(town, valid_from_at=town.instant(30, 0).isoformat()),
        reason="again",
        by=staff["Wu"],
        at=late,
    )
    assert again.id != made.id
    decide(again, staff["Fang"], late + timedelta(hours=72) - timedelta(seconds=1))


def test_only_the_content_whose_hash_was_seen_is_done(town: Town, staff: dict[str, str]) -> None:
    made = propose_rate(town, staff["Wu"])
    other = propose_rate(town, staff["Wu"], rate_ppm=130_000)
    for seen in ("", "0" * 64, other.content_hash, made.content_hash[:20]):
        refused(
            "proposal.changed",
            lambda: approve(proposal_id=made.id, seen_hash=seen, by=staff["Fang"], at=town.at),  # noqa: B023
        )
    # Whoever changes the content in the database changes what its hash would be.
    execute("UPDATE proposal SET content = replace(content, '120000', '190000') WHERE id = %s", made.id)
    before = whole_database()
    with pytest.raises(Breach):
        decide(made, staff["Fang"], town.at)
    # The breach itself is noted, so that no money leaves trust; nothing else is.
    assert fetch("SELECT by FROM books_broken WHERE cleared_at IS NULL") == [("proposals.approve",)]
    execute("DELETE FROM books_broken")
    assert whole_database() == before


def test_where_the_world_has_moved_the_proposal_stays_open_and_nothing_is_half_written(
    town: Town, staff: dict[str, str]
) -> None:
    made = propose_rate(town, staff["Wu"])
    refused("rate.past", lambda: decide(made, staff["Fang"], town.instant(3, 1)))
    assert trust.proposal(made.id, at=town.instant(3, 1)).state == "open"

    first, second = (propose_rules(town, staff["Wu"], refund_days=days) for days in (3, 4))
    decide(first, staff["Fang"], town.at)
    refused("rules.taken", lambda: decide(second, staff["Fang"], town.at))
    slow = plain_rules()
    slow["plans"]["slow"] = {**slow["plans"]["short"], "r0": 5 * 10**9}
    third = propose_rules(town, staff["Wu"], day=30, plans=slow["plans"])
    # Somebody publishes another plan of that name before: the new plan and pool aren't half there.
    slow["plans"]["slow"]["r0"] = 4 * 10**9
    publish_rules(document=slow, effective_at=town.instant(25, 0), by="rules", at=town.at)
    assert refused("rules.plan_changed", lambda: decide(third, staff["Fang"], town.at)).field == "plans.slow"
    set_rate(merchant="grocer", rate_ppm=120_000, valid_from_at=town.instant(3, 0), at=town.at)
    refused("proposal.nothing", lambda: decide(made, staff["Fang"], town.at))


def test_rules_are_known_for_seven_days_before_they_are_in_force(town: Town, staff: dict[str, str]) -> None:
    # It is noon of day 1: the midnight of day 8 is too near, that of day 9 is not.
    assert refused("rules.notice", lambda: propose_rules(town, staff["Wu"], day=8)).field == "effective_at"
    made = propose_rules(town, staff["Wu"], day=9)
    refused("rules.notice", lambda: decide(made, staff["Fang"], town.instant(2, 1)))
    decide(made, staff["Fang"], town.instant(2, 0))


def test_what_could_not_be_done_is_not_proposed(town: Town, staff: dict[str, str]) -> None:
    unsound = plain_rules()
    unsound["split"]["fee_ppm"] += 1
    day = town.instant(20, 0).isoformat()
    for code, kind, content in (
        ("concession.rate", "rate.set", rate_of(town, rate_ppm=210_000)),
        ("merchant.unknown", "rate.set", rate_of(town, merchant="tailor")),
        ("rate.past", "rate.set", rate_of(town, valid_from_at=OPENING_AT.isoformat())),
        ("proposal.nothing", "rate.set", rate_of(town, rate_ppm=100_000, valid_from_at=OPENING_AT.isoformat())),
        ("document.unknown_key", "rate.set", rate_of(town, colour="green")),
        ("document.value", "rate.set", rate_of(town, valid_from_at="2026-01-07")),
        ("document.value", "rate.set", rate_of(town, rate_ppm=120_000.0)),
        ("rules.refused", "rules.publish", {"document": unsound, "effective_at": day}),
        ("document.value", "rules.publish", {"document": [], "effective_at": day}),
        ("proposal.kind", "wallet.top_up", {}),
    ):
        refused(code, lambda: propose(kind=kind, content=content, reason="x", by=staff["Wu"], at=town.at))  # noqa: B023
    for reason in ("", "  ", "x" * 501, "a\x00b"):
        refused(
            "proposal.reason",
            lambda: propose(kind="rate.set", content=rate_of(town), reason=reason, by=staff["Wu"], at=town.at),  # noqa: B023
        )


def test_a_proposal_is_decided_once(town: Town, staff: dict[str, str]) -> None:
    done, turned_down, taken_back = (propose_rate(town, staff["Wu"], rate_ppm=each * 10_000) for each in (5, 6, 7))
    decide(done, staff["Fang"], town.at)
    reject(proposal_id=turned_down.id, by="fang", at=town.at, why="too low")
    refused("proposal.not_yours", lambda: withdraw(proposal_id=taken_back.id, by=staff["Fang"], at=town.at))
    withdraw(proposal_id=taken_back.id, by="Wu", at=town.at)
    assert cards()[-1] == ("grocer", 50_000)
    for made in (done, turned_down, taken_back):
        refused("proposal.closed", lambda: decide(made, staff["Fang"], town.at))  # noqa: B023
        refused("proposal.closed", lambda: reject(proposal_id=made.id, by=staff["Fang"], at=town.at))  # noqa: B023
        refused("proposal.closed", lambda: withdraw(proposal_id=made.id, by=staff["Wu"], at=town.at))  # noqa: B023
    refused("proposal.unknown", lambda: withdraw(proposal_id=17, by=staff["Wu"], at=town.at))
    found = trust.proposals(at=town.at, limit=9)
    assert [(row.state, row.outcome) for row in found] == [
        ("withdrawn", ""),
        ("rejected", "too low"),
        ("done", f"merchant/{town.ids['grocer']}"),
    ]


def test_the_same_proposed_again_is_the_same_proposal(town: Town, staff: dict[str, str]) -> None:
    made = propose_rate(town, staff["Wu"])
    before = whole_database()
    # Written another way, it is the same content.
    other = {**rate_of(town), "valid_from_at": "2026-01-07T00:00:00+08:00"}
    assert propose(kind="rate.set", content=other, reason="y", by="Wu", at=town.at + HOUR) == made
    assert whole_database() == before


def test_the_lists_go_on_page_by_page(town: Town, staff: dict[str, str]) -> None:
    made = [propose_rate(town, staff["Wu"], rate_ppm=each * 10_000).id for each in range(5, 10)]
    first = trust.open_proposals(at=town.at, limit=2)
    rest = trust.open_proposals(at=town.at, before=first[-1].id, limit=9)
    assert [row.id for row in (*first, *rest)] == made[::-1]
    assert trust.closed_proposals(at=town.at, limit=9) == []


def held_town() -> Town:
    town = found_town(plain_rules(daily_rebate_cap_fen=150))
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    assert town.close(2).state == "held"
    return town


def test_one_person_is_not_two_because_the_console_knows_them_by_name(database: object) -> None:
    del database
    town = held_town()
    wu = appoint_staff(name="Wu Lan", roles=["operator"], at=OPENING_AT, password="a long first password")
    reject_settlement(cycle=2, caps_fen={"green": 100}, by="wu lan", at=town.at)
    refused("settle.two_people", lambda: approve_settlement(cycle=2, by=str(wu), at=town.at))
    approve_settlement(cycle=2, by="somebody else", at=town.at)

    town.transfer_fees(1)
    propose_grant(ref="welcome", amount_fen=900, rebate_fen=300, by=str(wu), at=town.at)
    refused("grant.two_people", lambda: approve_grant(ref="welcome", by="Wu  Lan", at=town.at))


def test_the_content_is_kept_whole_so_that_anybody_can_check_its_hash(town: Town, staff: dict[str, str]) -> None:
    made = propose_rules(town, staff["Wu"], refund_days=9)
    row = trust.proposal(made.id, at=town.at)
    again = json.dumps(row.document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert sha256(again.encode()).hexdigest() == made.content_hash
    # What the document left out is in it: whoever approves sees every value that will hold.
    assert row.document["document"]["voucher_days"] == 365


def test_a_role_is_asked_for_by_whatever_name_somebody_acts(database: object) -> None:
    del database
    town = held_town()
    staff = {
        name: appoint_staff(name=name, roles=roles, at=OPENING_AT, password="a long first password")
        for name, roles in ROLES.items()
    }
    verbs: dict[str, tuple[Callable[[str], Any], set[str]]] = {
        "reject": (lambda by: reject_settlement(cycle=2, caps_fen={}, by=by, at=town.at), {"Wu", "Fang"}),
        "hold": (
            lambda by: hold_account(account_id=town.ids["bo"], reason="odd", by=by, at=town.at),
            {"Wu", "Fang", "Ren"},
        ),
        "grant": (
            lambda by: propose_grant(ref=by, amount_fen=9, rebate_fen=3, by=by, at=town.at),
            {"Wu", "Fang", "Ma"},
        ),
    }
    for verb, may in verbs.values():
        for name in ROLES:
            for by in (name.lower(), str(staff[name])):
                if name not in may:
                    refused("staff.may_not", lambda: verb(by))  # noqa: B023  called at once
        for name in sorted(may):
            verb(name)
    for by in ("ma", "ren", str(staff["Shen"]), str(town.ids["mei"])):
        refused("staff.may_not", lambda: approve_grant(ref="Wu", by=by, at=town.at))  # noqa: B023
        refused("staff.may_not", lambda: approve_settlement(cycle=2, by=by, at=town.at))  # noqa: B023


def test_one_proposal_approved_by_several_at_once_is_done_once(town: Town, staff: dict[str, str]) -> None:
    made = propose_rate(town, staff["Wu"])
    others = [
        str(appoint_staff(name=f"F{each}", roles=["finance"], at=OPENING_AT, password="a long first password"))
        for each in range(6)
    ]

    def attempt(by: str) -> str:
        try:
            decide(made, by, town.at)
        except Refusal as refusal:
            return refusal.code
        return "done"

    answers = at_once([partial(attempt, by) for by in others])
    assert sorted(answers) == ["done", *["proposal.closed"] * 5]
    assert cards()[-1] == ("grocer", 120_000)
    assert fetch("SELECT COUNT(*) FROM audit_entry WHERE act = 'proposal.approve'") == [(1,)]
