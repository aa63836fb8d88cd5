"""Fen over the API: who may follow them, and what nobody is told of others."""

from typing import Any

import pytest

from greenloop.services.trust.lines import keep_up
from tests.support.calling import Caller, till_of
from tests.support.ledger import fetch
from tests.support.looking import looker_of, staff_of
from tests.support.town import Town


@pytest.fixture
def drawn(town: Town) -> dict[str, int]:
    """Mei buys at the baker's first, Lin at the grocer's: Mei's order pays for the 100 fen that Lin draws."""
    found = {"mei": town.sell("mei", "baker", 100_000), "lin": town.sell("lin", "grocer", 100_000)}
    town.close_all([1, 2])
    town.draw("lin")
    keep_up(at=town.at)
    return found | {"voucher": int(fetch("SELECT id FROM voucher")[0][0])}


def voucher(town: Town, drawn: dict[str, int], more: str = "") -> str:
    return f"/v1/trace/wallets/{town.ids['lin']}/vouchers/{drawn['voucher']}{more}"


def test_a_holder_learns_who_paid_by_a_name_and_nothing_else_of_it(town: Town, drawn: dict[str, int]) -> None:
    told = looker_of(town.ids["lin"]).get(voucher(town, drawn)).json
    (payer,) = told["payers"]
    assert (told["face_fen"], told["traced"], told["next_place"]) == (100, True, None)
    assert (payer["at"], payer["fen"], payer["kind"], payer["cycle"]) == (0, 100, "orders", 2)
    hidden = ("order_at", "order_id", "merchant", "order_no", "paid_at", "payment", "statement", "line")
    assert {payer[name] for name in hidden} == {None}
    assert len(payer["payer"]) == 12
    assert str(drawn["mei"]) not in str(told)


def test_auditors_are_told_the_order(town: Town, drawn: dict[str, int]) -> None:
    (payer,) = staff_of("auditor").get(voucher(town, drawn)).json["payers"]
    assert (payer["order_id"], payer["merchant"], payer["order_at"]) == (str(drawn["mei"]), "baker", 0)


def test_an_order_has_one_name_for_each_who_asks(town: Town) -> None:
    for who, shop in (("mei", "baker"), ("lin", "grocer"), ("bo", "grocer")):
        town.sell(who, shop, 100_000)
    town.close_all([1, 2])
    for who in ("lin", "bo"):
        town.draw(who)
    keep_up(at=town.at)

    def told(who: str) -> dict[str, Any]:
        number = fetch("SELECT id FROM voucher WHERE account_id = %s", town.ids[who])[0][0]
        path = f"/v1/trace/wallets/{town.ids[who]}/vouchers/{number}"
        (payer,) = looker_of(town.ids[who]).get(path).json["payers"]
        return dict(payer)

    # Mei's order of 12 000 fen pays for both, and neither can tell that it is the same.
    lin, bo = told("lin"), told("bo")
    assert (lin["kind"], bo["kind"]) == ("orders", "orders")
    assert lin["payer"] != bo["payer"]
    assert told("lin") == lin


def test_a_voucher_is_followed_piece_by_piece(town: Town, drawn: dict[str, int]) -> None:
    auditor = staff_of("auditor")
    first = auditor.get(voucher(town, drawn, "?fen=30")).json
    assert ([each["fen"] for each in first["payers"]], first["next_place"]) == ([30], 30)
    last = auditor.get(voucher(town, drawn, "?place=70&fen=100")).json
    assert ([(each["at"], each["order_at"]) for each in last["payers"]], last["next_place"]) == ([(70, 70)], None)
    assert auditor.get(voucher(town, drawn, "?place=500")).json["payers"] == []
    assert auditor.get(voucher(town, drawn, "?fen=0")).status == 422


def test_where_a_concession_went_is_told_to_both_sides_and_nobody_else(town: Town, drawn: dict[str, int]) -> None:
    path = f"/v1/trace/orders/{drawn['mei']}"
    for caller in (looker_of(town.ids["mei"]), till_of("baker"), staff_of("auditor")):
        told: Any = caller.get(path).json
        (green,) = [part for part in told["parts"] if not part["is_red"]]
        # 60 % of a concession of 20 %; 1 % of 600 points is released in all.
        assert green["part_fen"] == 12_000
        assert [(each["cycle"], each["state"], each["fen"], each["holders"]) for each in green["went"]] == [
            (2, "released", 500, 0),
            (2, "unspent", 100, 1),
            (None, "free", 11_400, 0),
        ]
        assert str(town.ids["lin"]) not in str(told)
        assert ((green["at"], green["fen"]), told["next_place"]) == ((0, 12_000), None)
    for other in (looker_of(town.ids["lin"]), till_of("grocer")):
        assert (other.get(path).status, other.get(path).code) == (404, "order.unknown")


def test_an_order_is_followed_piece_by_piece(town: Town, drawn: dict[str, int]) -> None:
    auditor, path = staff_of("auditor"), f"/v1/trace/orders/{drawn['mei']}"
    # 12 000 green fen; nobody brought Mei to the platform, so none are red.
    place: int | None = 0
    told = list[tuple[bool, int, int]]()
    while place is not None:
        answer: Any = auditor.get(f"{path}?place={place}&fen=5000").json
        told += [(part["is_red"], part["at"], part["fen"]) for part in answer["parts"]]
        assert all(sum(each["fen"] for each in part["went"]) == part["fen"] for part in answer["parts"])
        place = answer["next_place"]
    assert told == [(False, 0, 5_000), (False, 5_000, 5_000), (False, 10_000, 2_000)]
    assert auditor.get(f"{path}?place=99999").json["parts"] == []


def test_a_voucher_of_somebody_else_isn_t_there(town: Town, drawn: dict[str, int], till: Caller) -> None:
    assert looker_of(town.ids["mei"]).get(voucher(town, drawn)).code == "account.unknown"
    own = f"/v1/trace/wallets/me/vouchers/{drawn['voucher']}"
    assert looker_of(town.ids["mei"]).get(own).code == "voucher.unknown"
    assert looker_of(town.ids["lin"]).get("/v1/trace/wallets/me/vouchers/x").code == "voucher.unknown"
    assert till.get(voucher(town, drawn)).status == 404


def test_what_isn_t_on_the_lines_yet_says_so(town: Town) -> None:
    order = town.sell("mei", "grocer", 100_000)
    auditor = staff_of("auditor")
    parts = auditor.get(f"/v1/trace/orders/{order}").json["parts"]
    assert [(part["traced"], part["went"]) for part in parts] == [(False, [])]
    town.close_all([1, 2])
    town.draw("mei")
    number = fetch("SELECT id FROM voucher")[0][0]
    told = auditor.get(f"/v1/trace/wallets/{town.ids['mei']}/vouchers/{number}").json
    assert (told["traced"], told["payers"]) == (False, [])
