"""Bad input: what is said, which field it names, the exit code, and that nothing is half-written."""

import json

import pytest

from tests.cli.conftest import Greenloop, Town, day, sale

MALFORMED: list[tuple[str, int, str | None, str]] = [
    ("nonsense\n", 2, None, "neither a JSON object"),
    ('{"merchant": "baker"}\n', 2, "order_no", "missing"),
    (json.dumps(sale(2, cash_fen="12.50")) + "\n", 2, "cash_fen", "whole number"),
    (json.dumps(sale(2, cash_fen=True)) + "\n", 2, "cash_fen", "whole number"),
    (json.dumps(sale(2, paid_at="2024-01-02 12:00")) + "\n", 2, "paid_at", "instant with its offset"),
    (json.dumps(sale(2, delivered="yes")) + "\n", 2, "delivered", "true or false"),
    (json.dumps(sale(2, vouchr_fen=1)) + "\n", 2, "vouchr_fen", "not known"),
    ('{"merchant": "\\ud800"}\n', 2, "merchant", "UTF-8"),
    ('{"merchant": "a\\u0000b"}\n', 2, "merchant", "NUL"),
    (json.dumps(sale(2, paid_at="0001-01-01T00:00:00+08:00")) + "\n", 2, "paid_at", "instant"),
    ("\n[1]\n", 3, None, "neither a JSON object"),
]


def test_a_malformed_file_is_refused_whole_with_line_and_reason(town: Town) -> None:
    for text, line, field, reason in MALFORMED:
        name = town.write("orders.jsonl", json.dumps(sale(1)) + "\n" + text)
        (fault,) = town.call("take", name, "--at", day(2), "--json", code=1).lines
        assert (fault["line"], fault["field"]) == (line, field), text
        assert reason in fault["error"], text
    assert "nothing of it was taken" in town.call("take", name, "--at", day(2), code=1).out
    assert town.call("trace", "baker", "B1", "--json", code=1).json["code"] == "trace.unknown"


def test_a_malformed_csv_names_its_lines_too(town: Town) -> None:
    head = "merchant,order_no,member,paid_at,cash_fen,voucher_fen\n"
    good = f"baker,B1,bo,{day(2)},12850,\n"
    name = town.write("orders.csv", f"{head}{good}baker,B2,bo,{day(2)}\n\nbaker,B3,bo,{day(2)},1e3,\n")
    faults = town.call("take", name, "--at", day(2), "--json", code=1).lines
    assert [(fault["line"], fault["field"]) for fault in faults] == [(3, None), (5, "cash_fen")]
    for text in ("x\n", "\n\nmerchant,vouchr_fen\n"):
        (fault,) = town.call("take", town.write("head.csv", text), "--at", day(2), "--json", code=1).lines
        assert "no field of this file" in fault["error"]
    taken = town.call("take", town.write("good.csv", head + good), "--at", day(2), "--json").lines
    assert [line["state"] for line in taken] == ["taken"]


def test_a_file_may_be_piped_in(town: Town) -> None:
    assert town.call("take", "-", "--at", day(2), "--json", stdin=json.dumps(sale(1))).lines[0]["state"] == "taken"
    assert town.call("take", "-", "--at", day(2), "--json", stdin="").out == ""


def test_each_order_stands_or_falls_alone(town: Town) -> None:
    lines = town.orders(
        sale(1),
        sale(2, merchant="nobody"),
        sale(3, member="nobody"),
        sale(4, cash_fen=-1),
        sale(5, cash_fen=10**13),
        sale(6, cash_fen=0),
        sale(7, voucher_fen=1),
        sale(1),
        sale(1, cash_fen=1),
        at=day(2),
        code=1,
    )
    assert [(line["line"], line["state"], line.get("field")) for line in lines] == [
        (1, "taken", None),
        (2, "refused", "merchant"),
        (3, "refused", "member"),
        (4, "refused", "cash_fen"),
        (5, "refused", "cash_fen"),
        (6, "refused", "cash_fen"),
        (7, "refused", "voucher_fen"),
        (8, "replayed", None),
        (9, "refused", "order_no"),
    ]
    assert town.call("check", "--no-replay", "--json").lines


REFUSED: list[tuple[tuple[str, ...], str, str]] = [
    (("rate", "baker", "2.99"), "concession.rate", "rate_ppm"),
    (("rate", "baker", "20.01"), "concession.rate", "rate_ppm"),
    (("rate", "baker", "much"), "rate.unreadable", "percent"),
    (("rate", "baker", "nan"), "rate.unreadable", "percent"),
    (("rate", "nobody", "8"), "merchant.unknown", "merchant"),
    (("settle", "--cycle", "2", "--at", day(15)), "cycle.order", "cycle"),
    (("settle", "--cycle", "1", "--at", day(2)), "cycle.open", "cycle"),
    (("settle", "--at", "2150-01-01T00:00:00Z"), "time.ahead", "--at"),
    (("settle", "--at", "yesterday"), "time.unreadable", "--at"),
    (("fees", "1", "--at", day(2)), "fee.cycle", "cycle"),
    (("approve", "1", "--by", "wu"), "settle.not_held", "cycle"),
    (("reject", "1", "--by", "wu", "--cap", "green"), "cap.unreadable", "--cap"),
    (("reject", "1", "--by", "wu", "--cap", "green=x"), "money.unreadable", "--cap"),
    (("wallet", "nobody"), "holder.unknown", "holder"),
    (("wallet", "9" * 19), "holder.unknown", "holder"),
    (("trace", "nobody", "B1"), "trace.unknown", "merchant"),
    (("draw", "bo", "blue"), "draw.pool", "pool"),
    (("draw", "bo", "green", "--amount", "0.01"), "wallet.short", "amount_fen"),
    (("draw", "bo", "green", "--amount", "0.001"), "money.parts_of_a_fen", "--amount"),
    (("refund", "baker", "B1", "R1", "128.51"), "refund.above_order", "amount_fen"),
    (("refund", "baker", "B9", "R1", "1"), "refund.order", "order_no"),
    (("refund", "baker", "B1", "R1", "0"), "refund.amount", "amount_fen"),
    (("refund", "baker", "B1", "cancel", "1"), "refund.reserved", "refund_no"),
    (("confirm", "bank-1"), "confirm.none", "order_ids"),
    (("confirm", "bank-1", "--order", "x"), "id.unreadable", "--order"),
    (("payout", "--date", "31.1.2024"), "time.unreadable", "--date"),
    (("payout", "--date", "2999-01-01"), "payout.early", "business_date"),
    (("deposit", "baker", "D1", "0"), "deposit.amount", "amount_fen"),
    (("grant", "spring", "--by", "lin"), "grant.what", "--approve"),
    (("hold", "--reason", "odd", "--by", "wu"), "hold.target", "--order"),
    (("release", "9" * 19, "--by", "wu"), "id.unreadable", "hold"),
    (("preset", "steady", "--opens", "2024-01-01", "--cycle-days", "31"), "rules.refused", "calendar.cycle_days"),
    (("release", "77", "--by", "wu"), "hold.unknown", "hold_id"),
    (("export",), "export.what", "FOLDER"),
    (("enrol",), "enrol.none", "--members"),
    (("preset", "golden", "--opens", "2024-01-01"), "rules.preset", "plan"),
    (("publish", "nowhere.json", "--by", "lin"), "file.unusable", "file"),
    (("recompute", "nowhere.jsonl"), "file.unusable", "file"),
]


def test_a_refusal_names_its_field_and_writes_nothing(town: Town) -> None:
    town.orders(sale(1), at=day(2))
    before = town.call("status", "--json").json
    for args, code, field in REFUSED:
        refused = town.call(*args, "--json", code=1).json
        assert (refused["code"], refused["field"]) == (code, field), args
        assert refused["error"]
    assert town.call("status", "--json").json == before


def test_unsound_rules_are_refused_with_every_reason(town: Town) -> None:
    document = json.loads((town.folder / "rules.json").read_text("utf-8"))
    document["calendar"]["cycle_days"] = 31
    document["routes"][-1]["pool"] = "blue"
    name = town.write("unsound.json", json.dumps(document))
    refused = town.call("publish", name, "--by", "lin", "--json", code=1).json
    assert refused["code"] == "rules.refused"
    assert "calendar.cycle_days" in refused["error"]
    assert "routes[0].pool" in refused["error"]
    for text in ("[]", "{", '{"name": "x"}'):
        town.call("publish", town.write("broken.json", text), "--by", "lin", code=1)


@pytest.mark.parametrize(
    "args",
    [
        ("brew",),
        ("settle", "--sugar", "2"),
        ("settle", "--cycle", "first"),
        ("take",),
        ("check", "--lang", "xx"),
        ("approve", "0", "--by", "wu"),
        ("settle", "--cycle", "9" * 30),
    ],
)
def test_a_command_line_that_can_t_be_read_exits_with_2(greenloop: Greenloop, args: tuple[str, ...]) -> None:
    assert greenloop(*args, code=2).err
    assert greenloop(*args, "--json", code=2).json["code"] == "usage"
