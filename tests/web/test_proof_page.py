"""What we owe, in the browser: the root for everybody, a proof for whom it is about, and for nobody else."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from greenloop.services.trust.log.keeping import sign_log
from greenloop.services.trust.roots import build, publish_root
from greenloop.store.queries import liabilities, statements, trees
from greenloop.store.queries.liabilities import RootRow
from tests.support.town import Town
from tests.support.visiting import counted, file_of, said, seated, visit

QUERIES_MAX = 8


@pytest.fixture
def root(town: Town) -> RootRow:
    """Mei buys for 1 000 yuan at the grocer's; two cycles are settled and the root is published."""
    town.day(1).sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    row = publish_root(built=build(cycle=2, at=town.at), at=town.at)
    sign_log(at=town.at)
    return row


def test_before_the_first_settlement_the_page_says_so(town: Town) -> None:
    assert "No root is published yet" in said(Client(), "/proof/")


def test_everybody_reads_the_root_and_takes_it_as_a_file(town: Town, root: RootRow) -> None:
    told = said(Client(), "/proof/")
    assert root.root_hash in told
    # 900.00 of dues, 7.00 of coupons, and each side's 100 points have released 1.00.
    assert "¥909.00" in told
    assert "Sign in as a member or for a merchant" in told
    published = json.loads(file_of(Client().get(reverse("root_file", args=[2]))))
    assert (published["root_hash"], published["total_fen"], published["holders"]) == (root.root_hash, 90_900, 3)
    assert Client().get(reverse("root_file", args=[1])).status_code == 404
    assert b"def included_fen" in file_of(Client().get(reverse("proof_program")))
    assert said(Client(), "/proof/?cycle=2") == told
    assert Client().get("/proof/?cycle=9").status_code == 404


def test_a_member_takes_the_own_proof_and_nobody_else_s(town: Town, root: RootRow) -> None:
    mei, lin = town.ids["mei"], town.ids["lin"]
    address = reverse("proof_file", args=[2, mei])
    assert f'data-proof="{address}"' in visit(mei).get("/proof/").content.decode()
    proof = json.loads(file_of(visit(mei).get(address)))
    assert (proof["holder"], proof["owed"]["amount_fen"]) == (str(mei), 800)
    assert visit(lin).get(address).status_code == 404
    assert seated("grocer").get(address).status_code == 404
    assert Client().get(address).status_code == 302
    # Lin has bought nothing yet, so nothing is owed to her and there is nothing to prove.
    hers = reverse("proof_file", args=[2, lin])
    answer = visit(lin).get(hers, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (404, "holding.unknown")
    assert f"Account {lin} held nothing" in said(visit(lin), hers, status=404)


def test_why_there_is_no_proof_is_told_apart_from_nothing_held(town: Town, root: RootRow) -> None:
    mei = town.ids["mei"]
    asked = {"accept": "application/json"}
    town.close(3)
    unsigned = publish_root(built=build(cycle=3, at=town.at), at=town.at)
    answer = visit(mei).get(reverse("proof_file", args=[unsigned.cycle, mei]), headers=asked)
    assert (answer.status_code, answer.json()["code"]) == (409, "root.unsigned")
    trees.path_of(root.cycle, root.root_hash).unlink()
    answer = visit(mei).get(reverse("proof_file", args=[2, mei]), headers=asked)
    assert (answer.status_code, answer.json()["code"]) == (404, "tree.unknown")


def test_who_acts_for_a_merchant_takes_its_proof(town: Town, root: RootRow) -> None:
    account = statements.subject("grocer").account_id
    proof = json.loads(file_of(seated("grocer").get(reverse("proof_file", args=[2, account]))))
    assert proof["owed"] == {
        "claimable_fen": 100, "unspent_fen": 0, "coupon_fen": 0, "dues_fen": 90_000, "amount_fen": 90_100
    }  # fmt: skip
    assert seated("baker", phone="other").get(reverse("proof_file", args=[2, account])).status_code == 404


def test_the_page_costs_few_statements_and_the_wallet_leads_there_by_one_tap(town: Town, root: RootRow) -> None:
    client = visit(town.ids["mei"])
    with counted() as found:
        said(client, "/proof/")
    assert len(found) <= QUERIES_MAX
    assert f'href="{reverse("proof")}#check"' in client.get("/wallet/").content.decode()


def test_older_roots_stay_in_reach(town: Town, root: RootRow) -> None:
    town.close(3)
    newer = publish_root(built=build(cycle=3, at=town.at), at=town.at)
    assert liabilities.newest() == newer
    told = visit(town.ids["mei"]).get("/proof/?cycle=2").content.decode()
    assert f'data-shown="{root.root_hash}"' in told
    assert newer.root_hash in told
