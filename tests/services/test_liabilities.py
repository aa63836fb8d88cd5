"""Roots of what is owed: the total is the books' to the fen, each holder finds its own, none is published twice."""

import json
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from greenloop.core.faults import Breach, Refusal
from greenloop.core.trust.kept_tree import Owed
from greenloop.core.trust.liabilities import included_fen
from greenloop.insight import inclusion
from greenloop.insight.check import check
from greenloop.services.trust import growing, roots
from greenloop.services.trust.log.keeping import fill_log, sign_log
from greenloop.services.trust.roots import build, publish_root
from greenloop.store import sql
from greenloop.store.queries import liabilities, trees
from greenloop.store.queries.liabilities import RootRow
from tests.support.custody import Custody
from tests.support.ledger import balances
from tests.support.town import Town


def a_settled_cycle(town: Town) -> None:
    """Mei buys for 1 000 yuan at the grocer's (10 %), then 100 yuan at the baker's (20 %); two cycles are closed.

    Concessions of 100 and 20 yuan: of 120 points the second cycle releases 1 %, 1.20 yuan to Mei. 7 % of the
    concessions are her coupons, 8.40 yuan. The grocer is owed 900 yuan and its own points' 1.00, the baker 80 and 0.20.
    """
    town.day(1).sell("mei", "grocer", 100_000)
    town.sell("mei", "baker", 10_000)
    town.close_all([1, 2])


def published(town: Town, cycle: int = 2) -> RootRow:
    return publish_root(built=build(cycle=cycle, at=town.at), at=town.at)


def proved_fen(root: RootRow, account: int) -> int:
    found = trees.proof(root, account)
    assert found is not None
    amount = included_fen(root.root, holder=account, nonce=found.nonce, leaves=found.leaves)
    assert amount == found.owed.amount_fen
    return amount


def holder(town: Town, ref: str) -> int:
    """The account of a member or a merchant."""
    if ref in town.merchants:
        return int(sql.value("SELECT account_id FROM merchant WHERE ref = %s", [ref]))
    return town.ids[ref]


def test_the_total_is_what_the_books_owe_and_everybody_finds_their_own(town: Town) -> None:
    a_settled_cycle(town)
    root = published(town)
    now = balances()
    assert (root.claimable_fen, root.unspent_fen, root.coupon_fen, root.dues_fen) == (240, 0, 840, 98_000)
    assert root.total_fen == 240 + 840 + 98_000
    assert root.dust_fen == now["trust:accrued:green"] + now["trust:accrued:red"] - 240
    assert (root.bank_fen, root.in_transit_fen) == (now["trust:bank"], 0)
    assert trees.proof(root, town.ids["bo"]) is None
    found = trees.proof(root, town.ids["mei"])
    assert found is not None
    assert found.owed == Owed(claimable_fen=120, unspent_fen=0, coupon_fen=840, dues_fen=0)
    assert [proved_fen(root, holder(town, ref)) for ref in ("mei", "grocer", "baker")] == [960, 90_100, 8_020]


def test_holders_read_row_by_row_are_the_same(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part may be of one holder alone, who isn't known whole until the next row is another's."""
    a_settled_cycle(town)
    whole = [row for part in liabilities.owed(rows_max=100) for row in part]
    assert [row[0] for row in whole] == sorted(holder(town, ref) for ref in ("mei", "grocer", "baker"))
    assert [row for part in liabilities.owed(rows_max=1) for row in part] == whole
    monkeypatch.setattr(roots, "ROWS_MAX", 1)
    assert published(town).total_fen == 240 + 840 + 98_000


def test_what_was_drawn_is_owed_as_vouchers_and_what_was_spent_is_owed_to_the_shop(town: Town) -> None:
    a_settled_cycle(town)
    town.draw("mei", 100)
    town.sell("mei", "baker", 0, voucher_fen=60)
    root = published(town)
    assert (root.claimable_fen, root.unspent_fen, root.dues_fen) == (140, 40, 98_060)
    assert proved_fen(root, town.ids["mei"]) == 960 - 60
    assert proved_fen(root, holder(town, "baker")) == 8_020 + 60


def test_a_published_root_stays_what_it_is_whatever_happens_after(town: Town) -> None:
    a_settled_cycle(town)
    first = published(town)
    town.draw("mei")
    town.close(3)
    second = published(town, 3)
    assert liabilities.roots(limit=5) == [second, first]
    assert proved_fen(first, town.ids["mei"]) == 960
    assert proved_fen(second, town.ids["mei"]) == 1_080
    assert (first.day.isoformat(), second.day.isoformat()) == ("2026-01-19", "2026-01-26")
    for statement in ("UPDATE liability_root SET total_fen = 0", "DELETE FROM liability_book"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            sql.run(statement)


def test_a_root_is_published_once_and_asked_again_it_is_the_same(town: Town) -> None:
    a_settled_cycle(town)
    built = build(cycle=2, at=town.at)
    once = publish_root(built=built, at=town.at)
    again = publish_root(built=build(cycle=2, at=town.at), at=town.at + timedelta(hours=1))
    assert again == once
    assert sql.value("SELECT COUNT(*) FROM log_leaf WHERE kind = 'root'") == 1


def test_only_the_last_settled_cycle_can_have_its_root_made(town: Town) -> None:
    with pytest.raises(Refusal, match="isn't the last"):
        build(cycle=1, at=town.at)
    a_settled_cycle(town)
    with pytest.raises(Refusal, match="isn't the last"):
        build(cycle=1, at=town.at)


def test_the_public_log_tells_the_root_with_its_journal(town: Town) -> None:
    a_settled_cycle(town)
    root = published(town)
    body = sql.value("SELECT body FROM log_leaf WHERE kind = 'root'")
    assert f'"root_hash":"{root.root_hash}"' in body
    assert f'"journal_hash":"{root.journal_hash}"' in body
    assert root.journal_id == sql.value("SELECT MAX(id) FROM journal WHERE book = 'trust'")
    assert len(root.journal_hash) == 64


def test_what_is_not_in_the_books_is_not_published_and_stops_payouts(town: Town) -> None:
    a_settled_cycle(town)
    built = build(cycle=2, at=town.at)
    for place in range(4):
        sums = list(built.grown.sums_fen)
        sums[place] += 1 if place else 10
        wrong = replace(built, grown=replace(built.grown, sums_fen=(sums[0], sums[1], sums[2], sums[3])))
        with pytest.raises(Breach):
            publish_root(built=wrong, at=town.at)
    assert liabilities.newest() is None
    assert sql.value("SELECT COUNT(*) FROM books_broken") == 4
    sql.run("UPDATE books_broken SET cleared_at = since_at")


def test_who_would_be_owed_less_than_nothing_is_named_and_stops_payouts(town: Town) -> None:
    a_settled_cycle(town)
    mei = town.ids["mei"]
    sql.run("UPDATE wallet SET claimed_fen = claimed_fen + 500 WHERE account_id = %s", [mei])
    with pytest.raises(Breach, match=f"account {mei} can't be owed less than nothing"):
        build(cycle=2, at=town.at)
    assert list(trees.folder().glob("*")) == []
    ((by, what),) = sql.rows("SELECT by, what FROM books_broken WHERE cleared_at IS NULL")
    assert by == "roots.build"
    assert f"account {mei}" in what
    with pytest.raises(Refusal, match="no payout"):
        town.pay_out()
    sql.run("UPDATE wallet SET claimed_fen = claimed_fen - 500 WHERE account_id = %s", [mei])


def test_nobody_gets_a_proof_before_a_signed_checkpoint_covers_the_root(town: Town) -> None:
    a_settled_cycle(town)
    sign_log(at=town.at)
    root = published(town)
    with pytest.raises(Refusal, match="isn't signed yet") as refused:
        inclusion.document(root, town.ids["mei"])
    assert refused.value.code == "root.unsigned"
    signed = sign_log(at=town.at)
    assert signed is not None
    assert signed.checkpoint.size == inclusion.published(root)["log_leaf"] + 1
    assert inclusion.document(root, town.ids["mei"])["owed"]["amount_fen"] == 960


def test_check_holds_the_newest_root_against_the_books_at_its_journal(town: Town) -> None:
    a_settled_cycle(town)
    published(town)
    town.sell("lin", "grocer", 50_000)
    town.draw("mei")
    proofs = {proof.name: proof for proof in check(replay=False) if proof.name.startswith("root")}
    assert {"root books", "root total", "root tree", "root logged", "root of each"} <= set(proofs)
    assert all(proof.holds for proof in proofs.values()), proofs


def tamper(table: str, statement: str) -> None:
    """Do what nobody may: past the guards of a table."""
    if sql.is_postgresql():
        sql.run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    else:
        for (name,) in sql.rows("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table]):
            sql.run(f"DROP TRIGGER {name}")
    sql.run(statement)


def off(*names: str) -> list[tuple[str, str]]:
    """What a check finds wrong with roots, and about what."""
    return [(proof.name, proof.detail) for proof in check(replay=False) if proof.name in names and not proof.holds]


def test_a_settlement_that_was_settled_over_is_told_to_have_no_root(town: Town) -> None:
    a_settled_cycle(town)
    published(town)
    town.close(3)
    late = build(cycle=3, at=town.at)
    town.close(4)
    (body,) = (row[0] for row in sql.rows("SELECT body FROM log_leaf WHERE kind = 'rootless'"))
    assert '"about":"rootless/3"' in body
    assert '"settled":4' in body
    with pytest.raises(Refusal, match="isn't the last"):
        publish_root(built=late, at=town.at)
    published(town, 4)
    assert off("root of each", "root logged") == []


@pytest.mark.books_broken_on_purpose
def test_check_misses_a_root_that_was_lost_without_a_word(town: Town) -> None:
    a_settled_cycle(town)
    published(town)
    town.close(3)
    town.close(4)
    tamper("log_leaf", "DELETE FROM log_leaf WHERE kind = 'rootless'")
    assert off("root of each") == [("root of each", "rootless/3")]
    # A database that is older than such leaves is told of them once.
    assert fill_log(at=town.at) == 1
    assert off("root of each") == []


@pytest.mark.books_broken_on_purpose
def test_check_misses_the_leaf_of_an_older_root_and_a_root_without_its_row(town: Town) -> None:
    a_settled_cycle(town)
    published(town)
    town.close(3)
    published(town, 3)
    town.close(4)
    published(town, 4)
    tamper("liability_root", "DELETE FROM liability_root WHERE cycle = 3")
    assert off("root of each", "root logged") == [("root logged", "root/3"), ("root of each", "rootless/3")]
    tamper("log_leaf", "DELETE FROM log_leaf WHERE kind = 'root' AND about = 'root/2'")
    assert ("root logged", "root/2, root/3") in off("root logged")


def test_a_thousand_holders_in_two_processes_are_the_same_tree_as_in_one(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(5)
    rows = [(n, chance.randrange(10**6), chance.randrange(300), 7, chance.randrange(10**8)) for n in range(1, 1_001)]
    named = {"secret": b"s" * 32, "nonce": b"n" * 32}
    alone = growing.grow([rows[:10], rows[10:]], path=trees.folder() / "one", holders_about=0, **named)
    shuffled = chance.sample(rows, len(rows))
    monkeypatch.setattr(growing, "FOLD_BYTES", 64 * 40)
    both = growing.grow([shuffled], path=trees.folder() / "two", holders_about=growing.POOLED_MIN, **named)
    assert alone == both
    assert (trees.folder() / "one").read_bytes() == (trees.folder() / "two").read_bytes()
    assert (trees.folder() / "one").stat().st_mode & 0o077 == 0


def test_a_tree_that_is_gone_or_cut_off_is_said_to_be(town: Town) -> None:
    a_settled_cycle(town)
    root = published(town)
    path = trees.path_of(root.cycle, root.root_hash)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(Breach, match="cut off"):
        trees.proof(root, town.ids["mei"])
    path.write_bytes(whole[:-40] + bytes(40))
    with pytest.raises(Breach, match="another top"):
        trees.proof(root, town.ids["mei"])
    path.unlink()
    with pytest.raises(Refusal, match="isn't on this machine"):
        trees.proof(root, town.ids["mei"])


def test_a_root_names_the_trust_book_s_number_and_what_custodians_state(town: Town) -> None:
    a_settled_cycle(town)
    custody = Custody(town)
    custody.state(balance_fen=5_000_000, name="early")
    town.later(days=1)
    custody.state(balance_fen=110_000, name="late")
    custody.state(name="without a balance")
    custody.state(account="bank", balance_fen=1, name="bank")
    sql.run("UPDATE trust_head SET number = 3, key = 'k', sha256 = %s WHERE id = 1", ["a" * 64])
    root = published(town)
    pending = sql.value("SELECT COUNT(*) FROM pending_journal")
    assert (root.form, root.trust_number, root.trust_hash, root.trust_pending) == (2, 3, "a" * 64, pending)
    assert [(each.account, each.balance_fen, each.file_hash[-4:]) for each in root.statements] == [
        ("bank", 1, "bank"),
        ("institution", 110_000, "late"),
    ]
    assert liabilities.newest() == root
    told = json.loads(sql.value("SELECT body FROM log_leaf WHERE kind = 'root'"))["facts"]
    assert (told["form"], told["trust_number"]) == (2, 3)
    assert told["statements"][1]["balance_fen"] == 110_000
    assert off("root logged") == []
    sql.run("UPDATE trust_head SET number = 0, key = '', sha256 = '' WHERE id = 1")


@pytest.mark.books_broken_on_purpose
def test_a_root_of_the_first_form_is_told_as_it_was(town: Town) -> None:
    a_settled_cycle(town)
    published(town)
    tamper("liability_root", "UPDATE liability_root SET form = 1")
    row = liabilities.newest()
    assert row is not None
    assert not liabilities.SINCE_2 & set(liabilities.facts(row))
    assert inclusion.published(row)["form"] == 1
