"""The public log: each settlement, rule set and decision of a second person has its leaf, with it or not at all."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from greenloop.core.faults import Refusal
from greenloop.core.trust import log as tree
from greenloop.insight import log_proofs
from greenloop.services.books import grants
from greenloop.services.loop import settle
from greenloop.services.loop.rules import publish_rules
from greenloop.services.people.staff import appoint_staff
from greenloop.services.trust import proposals
from greenloop.services.trust.log.keeping import fill_log, sign_log
from greenloop.store import signer
from greenloop.store.queries import log, logged
from tests.support.databases import Database
from tests.support.leaves import broken, count, facts, opened, propose_rate, tamper
from tests.support.ledger import execute, fetch, whole_database
from tests.support.threads import at_once
from tests.support.town import OPENING_AT, Town, found_town, plain_rules

PASSWORD = "a long first password"


@pytest.fixture
def busy(database: Database) -> Town:
    """Give a town whose second settlement is held; Wu and Fang work for the platform."""
    del database
    town = found_town(plain_rules(daily_rebate_cap_fen=150))
    for name, role in (("Wu", "operator"), ("Fang", "finance")):
        town.ids[name] = appoint_staff(name=name, roles=[role], at=OPENING_AT, password=PASSWORD)
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    town.transfer_fees(1)
    assert town.close(2).state == "held"
    return town


def test_a_settlement_has_a_leaf_for_each_pool_with_its_result(busy: Town) -> None:
    first = [each for each in facts("settlement") if each["pool"] == "green"]
    # 10 % of 1 000.00, of which 60 % enter the green pool; nothing was released before the first cycle is over.
    assert len(first) == 1
    told = first[0]
    assert (told["cycle"], told["pool_cycle"], told["inflow_fen"], told["issued_fen"]) == (1, 1, 6_000, 0)
    assert (told["free_fen"], told["backing_fen"], told["journal"]) == (6_000, 0, None)
    assert len(told["answer_sha256"]) == 64
    assert told["cutoff_at"].endswith("T16:00:00.000000Z")
    settle.approve(cycle=2, by="Fang", at=busy.at)
    second = [each for each in facts("settlement") if each["pool"] == "green"][1]
    assert (second["issued_fen"], second["free_fen"], second["backing_fen"]) == (200, 5_800, 200)
    assert second["journal"] == "settle/green/2"


def test_what_is_only_held_is_not_told(busy: Town) -> None:
    assert {each["cycle"] for each in facts("settlement")} == {1}
    assert facts("decision") == []


def test_each_rule_set_has_a_leaf_with_its_hash_and_when_it_holds(busy: Town) -> None:
    later_at = busy.at + timedelta(days=9)
    publish_rules(document=plain_rules(refund_days=1), effective_at=later_at, by="Wu", at=busy.at)
    publish_rules(document=plain_rules(refund_days=1), effective_at=later_at, by="Wu", at=busy.at)
    told = facts("rules")
    assert [each["rules"] for each in told] == ["1", "2"]
    assert told[1]["effective_at"] == later_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    document = str(fetch("SELECT document FROM rule_version WHERE id = 2")[0][0])
    assert told[1]["document_sha256"] == sha256(document.encode()).hexdigest()


def test_a_decision_is_told_with_its_hash_and_roles_and_no_name(busy: Town) -> None:
    made = propose_rate(busy)
    assert facts("decision") == []
    proposals.approve(proposal_id=made.id, seen_hash=made.content_hash, by="Fang", at=busy.at)
    other = propose_rate(busy, 110_000, days=11)
    proposals.reject(proposal_id=other.id, by="Fang", at=busy.at, why="too low for Mrs Zhang")
    settle.reject(cycle=2, caps_fen={"green": 120}, by="Fang", at=busy.at)
    settle.approve(cycle=2, by="Wu", at=busy.at)
    told = facts("decision")
    assert [each["act"] for each in told] == [
        *("proposal.approve", "proposal.reject", "settlement.reject", "settlement.approve"),
    ]
    assert [each["roles"] for each in told] == [["finance"], ["finance"], ["finance"], ["operator"]]
    assert told[0]["about"] == f"proposal/{made.id}"
    assert opened(told[0]["commitment"], made)
    assert not opened(told[1]["commitment"], made)
    assert (told[2]["caps_fen"], told[2]["about"]) == ({"green": 120}, "settlement/2")
    # The same person by the same pseudonym, and nothing that says who.
    assert len({each["by"] for each in told[:3]}) == 1
    assert told[3]["by"] != told[0]["by"]
    whole = json.dumps(told, ensure_ascii=False)
    for secret in ("Fang", "Wu", "Zhang", "grocer", str(busy.ids["Fang"]), str(busy.ids["grocer"])):
        assert secret not in whole
    # Rates are few enough to try them all: the plain hash of the content is nowhere in the log.
    assert made.content_hash not in str(fetch("SELECT body FROM log_leaf"))


def test_an_approved_grant_is_told(busy: Town) -> None:
    grants.propose_grant(ref="spring", amount_fen=900, rebate_fen=300, by="ma", at=busy.at)
    grants.approve_grant(ref="spring", by="Fang", at=busy.at)
    (told,) = facts("decision")
    assert (told["act"], told["about"], told["amount_fen"]) == ("grant.approve", "grant/spring", 900)


def test_a_decision_that_fails_leaves_no_leaf(busy: Town) -> None:
    made = propose_rate(busy)
    before = whole_database()
    for decide in (
        lambda: proposals.approve(proposal_id=made.id, seen_hash="0" * 64, by="Fang", at=busy.at),
        lambda: proposals.approve(proposal_id=made.id, seen_hash=made.content_hash, by="Wu", at=busy.at),
        lambda: settle.approve(cycle=3, by="Fang", at=busy.at),
    ):
        with pytest.raises(Refusal):
            decide()
    assert whole_database() == before


def test_leaves_are_numbered_without_a_gap_whoever_appends_at_once(busy: Town) -> None:
    made = [propose_rate(busy, rate_ppm) for rate_ppm in range(100_001, 100_009)]

    def decide(each: proposals.Proposed) -> Callable[[], None]:
        return lambda: proposals.reject(proposal_id=each.id, by="Fang", at=busy.at)

    before = count()
    at_once([decide(each) for each in made])
    numbers = [int(row[0]) for row in fetch("SELECT number FROM log_leaf ORDER BY number")]
    assert numbers == list(range(before + len(made)))


def test_orders_leave_no_leaf(busy: Town) -> None:
    before = count()
    busy.sell("mei", "grocer", 100_000)
    assert count() == before


def test_a_checkpoint_signs_the_root_over_all_leaves_and_stays(busy: Town) -> None:
    signed = sign_log(at=busy.at)
    assert signed is not None
    hashes = [bytes.fromhex(str(row[0])) for row in fetch("SELECT leaf_hash FROM log_leaf ORDER BY number")]
    assert (signed.checkpoint.size, signed.checkpoint.root) == (len(hashes), tree.root_of(hashes))
    assert signer.signed_by(signed.note, [signed.key])
    before = whole_database()
    assert sign_log(at=busy.at + timedelta(hours=1)) == signed
    assert whole_database() == before
    settle.approve(cycle=2, by="Fang", at=busy.at)
    later = sign_log(at=busy.at)
    assert later is not None
    assert later.checkpoint.size == count() > signed.checkpoint.size
    assert [row.checkpoint.size for row in log.checkpoints()] == [signed.checkpoint.size, later.checkpoint.size]
    assert tree.consistent(
        earlier=signed.checkpoint.size,
        earlier_root=signed.checkpoint.root,
        size=later.checkpoint.size,
        root=later.checkpoint.root,
        path=log.consistency(signed.checkpoint.size, later.checkpoint.size),
    )


def test_the_log_keeps_its_name_when_the_installation_gets_another(
    busy: Town, settings_of: Callable[..., None]
) -> None:
    settings_of(GREENLOOP_LOG_ORIGIN="first.example/log")
    first = sign_log(at=busy.at)
    settings_of(GREENLOOP_LOG_ORIGIN="second.example/log")
    settle.approve(cycle=2, by="Fang", at=busy.at)
    second = sign_log(at=busy.at)
    assert first is not None
    assert second is not None
    assert {first.checkpoint.origin, second.checkpoint.origin} == {"first.example/log"}


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change settings for a test."""
    from django.conf import settings

    def change(**changes: object) -> None:
        for name, value in changes.items():
            monkeypatch.setattr(settings, name, value)

    return change


def test_nothing_is_signed_with_a_key_that_ends_with_the_process(busy: Town, settings_of: Callable[..., None]) -> None:
    settings_of(GREENLOOP_LOG_KEY_KEPT=False)
    with pytest.raises(Refusal) as refused:
        sign_log(at=busy.at)
    assert (refused.value.code, refused.value.field) == ("log.unkept", "GREENLOOP_LOG_KEY")


def test_an_empty_log_has_no_checkpoint(database: Database) -> None:
    del database
    assert (fill_log(at=OPENING_AT), sign_log(at=OPENING_AT), log.newest_checkpoint()) == (0, None, None)


def test_every_leaf_is_proved_in_every_size_that_had_it(busy: Town) -> None:
    settle.approve(cycle=2, by="Fang", at=busy.at)
    whole = count()
    leaves = [bytes.fromhex(row.leaf_hash) for row in log.leaves(limit=whole)]
    for size in range(1, whole + 1):
        for number in range(size):
            path = log.inclusion(number, size)
            assert tree.included(
                leaf=leaves[number], number=number, size=size, path=path, root=tree.root_of(leaves[:size])
            )
        for earlier in range(1, size + 1):
            assert tree.consistent(
                earlier=earlier,
                earlier_root=tree.root_of(leaves[:earlier]),
                size=size,
                root=log.root(size),
                path=log.consistency(earlier, size),
            )


# --- a database that is older than its log --------------------------------------------------------------------------


@pytest.fixture
def before_the_log() -> Iterator[Callable[[], None]]:
    """Let verbs work as they did when there was no log; call it when there is."""

    def nothing(told: object, *, at: object) -> tuple[int, ...]:
        del told, at
        return ()

    with pytest.MonkeyPatch.context() as changed:
        for module in ("loop.rules", "loop.settle", "trust.log.steps"):
            changed.setattr(f"greenloop.services.{module}.append_leaves", nothing)
        yield changed.undo


def test_a_database_that_is_older_than_its_log_is_told_of_once(before_the_log: Callable[[], None], busy: Town) -> None:
    settle.approve(cycle=2, by="Fang", at=busy.at)
    before_the_log()
    assert count() == 0
    busy.close(3)
    settle.approve(cycle=3, by="Fang", at=busy.at)
    # What happens now has its leaves before the older has.
    assert {each["cycle"] for each in facts("settlement")} == {3}
    now = count()
    filled = fill_log(at=busy.at)
    # One rule set, one decision, and cycles 1 and 2 of each pool.
    assert filled == 2 + 2 * len(fetch("SELECT id FROM pool"))
    assert (count(), fill_log(at=busy.at)) == (now + filled, 0)
    assert [each["cycle"] for each in facts("settlement") if each["pool"] == "green"] == [3, 1, 2]
    # Who had which role then is known no more.
    assert [each["roles"] for each in facts("decision")] == [["finance"], None]


@pytest.mark.books_broken_on_purpose
def test_what_is_not_told_breaks_the_proof_until_it_is(before_the_log: Callable[[], None], busy: Town) -> None:
    settle.approve(cycle=2, by="Fang", at=busy.at)
    before_the_log()
    assert broken() == {"settlements logged", "rules logged", "decisions logged"}
    fill_log(at=busy.at)
    assert broken() == set()


@pytest.fixture
def before_commitments() -> Iterator[Callable[[], None]]:
    """Let decisions be told as they were before their contents were committed to; call it when they are."""
    from greenloop.services.trust.steps import note

    def plainly(*, detail: dict[str, object], **named: Any) -> None:
        note(detail={name: told for name, told in detail.items() if name != "commitment"}, **named)

    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(proposals, "note", plainly)
        changed.setattr(logged, "TOLD", (*logged.TOLD, "sha256"))
        yield changed.undo


def test_what_was_told_by_a_plain_hash_stays_and_holds(before_commitments: Callable[[], None], busy: Town) -> None:
    made = propose_rate(busy)
    proposals.reject(proposal_id=made.id, by="Fang", at=busy.at)
    before_commitments()
    assert facts("decision")[0]["sha256"] == made.content_hash
    assert (broken(), fill_log(at=busy.at)) == (set(), 0)


def test_an_old_decision_that_was_not_told_is_told_by_a_commitment(
    before_the_log: Callable[[], None], before_commitments: Callable[[], None], busy: Town
) -> None:
    made = propose_rate(busy)
    proposals.reject(proposal_id=made.id, by="Fang", at=busy.at)
    before_commitments()
    before_the_log()
    fill_log(at=busy.at)
    (told,) = facts("decision")
    assert opened(told["commitment"], made)
    assert ("sha256" in told, broken()) == (False, set())


@pytest.mark.books_broken_on_purpose
def test_a_plain_hash_of_a_decision_that_has_a_commitment_is_found(busy: Town) -> None:
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(logged, "TOLD", ("proposal", "kind", "sha256"))
        proposals.reject(proposal_id=propose_rate(busy).id, by="Fang", at=busy.at)
    assert broken() == {"decisions logged"}


def test_the_proofs_read_what_there_is_to_tell_in_parts(busy: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    settle.approve(cycle=2, by="Fang", at=busy.at)
    for days in (10, 11, 12):
        proposals.reject(proposal_id=propose_rate(busy, days=days).id, by="Fang", at=busy.at)
    monkeypatch.setattr(logged, "PART", 2)
    assert [len(part) for part in logged.every("decision")] == [2, 2]
    told = [each.about for part in logged.every("settlement") for each in part]
    assert len(told) == len(set(told)) == len(facts("settlement"))
    assert {proof.name: proof.looked_at for proof in log_proofs.proofs()}["settlements logged"] == len(told)
    assert broken() == set()


# --- what the proof finds -------------------------------------------------------------------------------------------


TAMPERED = {
    "a text": ("log_leaf", "SET body = REPLACE(body, '6000', '6001') WHERE kind = 'settlement'", {"log leaves"}),
    "a kind": ("log_leaf", "SET kind = 'other' WHERE number = 0", {"log leaves", "rules logged"}),
    "a hash": ("log_leaf", f"SET leaf_hash = '{'0' * 64}' WHERE number = 1", {"log leaves"}),
    "a subtree": ("log_node", f"SET node_hash = '{'0' * 64}' WHERE place = 1", {"log subtrees"}),
    "a root": ("log_checkpoint", f"SET root_hash = '{'0' * 64}'", {"log checkpoints"}),
    "a size": ("log_checkpoint", "SET size = size + 1", {"log checkpoints"}),
    "a signature": ("log_checkpoint", f"SET signature = '{'0' * 128}'", {"log checkpoints"}),
    "a rule set": ("rule_version", "SET document = REPLACE(document, '0', '1')", {"rules logged"}),
    "a settlement": ("settled_cycle", "SET issued_fen = issued_fen + 1 WHERE cycle = 1", {"settlements logged"}),
    "a salt": ("proposal", f"SET salt = '{'0' * 64}'", {"decisions logged"}),
    "a salt's form": ("proposal", "SET salt = ''", {"decisions logged"}),
    "an act": ("audit_entry", "SET about = 'settlement/9' WHERE act = 'settlement.reject'", {"decisions logged"}),
}


@pytest.mark.books_broken_on_purpose
@pytest.mark.parametrize("what", TAMPERED)
def test_whatever_is_changed_afterwards_is_found(busy: Town, what: str) -> None:
    settle.reject(cycle=2, caps_fen={"green": 120}, by="Fang", at=busy.at)
    proposals.reject(proposal_id=propose_rate(busy).id, by="Fang", at=busy.at)
    sign_log(at=busy.at)
    assert broken() == set()
    table, change, names = TAMPERED[what]
    tamper(table, f"UPDATE {table} {change}")
    assert names <= broken()


@pytest.mark.books_broken_on_purpose
@pytest.mark.parametrize("dropped", ["number = 1", "number = (SELECT MAX(number) FROM log_leaf)"])
def test_a_leaf_that_was_deleted_is_missed(busy: Town, dropped: str) -> None:
    sign_log(at=busy.at)
    tamper("log_leaf", f"DELETE FROM log_leaf WHERE {dropped}")
    assert {"log subtrees", "log checkpoints"} & broken()
    assert {"settlements logged", "rules logged"} & broken()


@pytest.mark.books_broken_on_purpose
def test_a_leaf_of_something_that_never_was_is_found(busy: Town) -> None:
    from greenloop.services.trust.log.steps import append_leaf

    with transaction.atomic():
        append_leaf(kind="rules", about="rules/99", facts={"rules": "99"}, at=busy.at)
    assert broken() == {"rules logged"}


def test_the_database_lets_no_number_be_left_out(busy: Town) -> None:
    before = whole_database()
    for number in (-1, count() + 1):
        with pytest.raises(DatabaseError), transaction.atomic():
            execute(
                "INSERT INTO log_leaf (number, kind, about, body, leaf_hash, at) "
                "VALUES (%s, 'other', 'x', '{}', %s, '2026-01-05 00:00:00')",
                *(number, "0" * 64),
            )
    assert whole_database() == before
