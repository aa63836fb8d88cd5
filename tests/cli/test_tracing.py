"""Fen on the command line: a voucher back to the order that paid for it, an order on to where its concession is."""

from tests.cli.conftest import Town, day, sale


def drawn(town: Town) -> str:
    """Sell one order of 128.50 yuan, settle twice, draw 3 of the 14 fen that were released; return the voucher."""
    town.orders(sale(1), at=day(2))
    town.call("confirm", "bank-1", "--until", day(2, "23:59:59"), "--at", day(3))
    town.call("settle", "--at", day(8))
    town.call("settle", "--at", day(15))
    town.call("draw", "bo", "green", "--amount", "0.03", "--at", day(15))
    (voucher,) = town.call("trace-voucher", "bo", "--json").json
    assert (voucher["face_fen"], voucher["pool"]) == (3, "green")
    return str(voucher["id"])


def test_a_voucher_is_not_told_of_before_its_fen_are_on_the_lines(town: Town) -> None:
    voucher = drawn(town)
    assert town.call("trace-voucher", "bo", voucher, "--json").json["traced"] is False
    assert "trace-keep" in town.call("trace-voucher", "bo", voucher).out
    (green, red) = town.call("trace", "baker", "B1", "--json").json["went"]
    assert (green["traced"], red["traced"]) == (False, False)


def test_fen_are_followed_from_a_voucher_to_its_order_and_back(town: Town) -> None:
    voucher = drawn(town)
    # Vested: green and red. Released: green and red, of each 0.5 % or 2.5 %. Drawn: one voucher.
    assert town.call("trace-keep", "--json").json == {"runs": 5}
    (payer,) = town.call("trace-voucher", "bo", voucher, "--json").json["payers"]
    assert (payer["order"]["order_no"], payer["at"], payer["fen"], payer["order_at"]) == ("B1", 0, 3, 0)
    assert (payer["kind"], payer["cycle"]) == ("orders", 2)
    (one,) = town.call("trace-voucher", "bo", voucher, "--fen", "2", "--json").json["payers"]
    assert (one["at"], one["fen"], one["order_at"]) == (2, 1, 2)
    assert "baker B1" in town.call("trace-voucher", "bo", voucher).out
    # On again: of 616 green fen 3 are in Bo's voucher, 8 wait to be drawn, 605 are free.
    green, red = town.call("trace", "baker", "B1", "--json").json["went"]
    told = [(each["cycle"], each["state"], each["fen"], each["holders"]) for each in green["went"]]
    assert told == [(2, "released", 8, 0), (2, "unspent", 3, 1), (None, "free", 605, 0)]
    assert [(each["state"], each["fen"]) for each in red["went"]] == [("released", 3), ("free", 79)]
    assert "in vouchers, unspent" in town.call("trace", "baker", "B1").out


def test_fen_that_were_spent_and_came_back_are_in_the_voucher_again(town: Town) -> None:
    drawn(town)
    paid = sale(2, merchant="grocer", order_no="G1", paid_at=day(16), cash_fen=996, voucher_fen=4)
    town.orders(paid, at=day(16))
    town.call("trace-keep")
    states = [each["state"] for each in town.call("trace", "baker", "B1", "--json").json["went"][0]["went"]]
    assert states == ["released", "use", "free"]
    town.call("confirm", "bank-2", "--until", day(16, "23:59:59"), "--at", day(17))
    town.call("refund", "grocer", "G1", "R1", "10.00", "--at", day(17))
    went = town.call("trace", "baker", "B1", "--json").json["went"][0]["went"]
    assert [(each["state"], each["fen"]) for each in went] == [("released", 7), ("unspent", 4), ("free", 605)]


def test_what_is_asked_wrongly_is_refused(town: Town) -> None:
    voucher = drawn(town)
    refused = town.call("trace-voucher", "ana", voucher, "--json", code=1).json
    assert (refused["code"], refused["field"]) == ("voucher.holder", "voucher")
    assert town.call("trace-voucher", "bo", "7", "--json", code=1).json["code"] == "voucher.unknown"
    assert town.call("trace-voucher", "bo", voucher, "--fen", "3", "--json", code=1).json["code"] == "voucher.fen"
