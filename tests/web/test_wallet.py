"""The wallet in the browser: figures that tie to the fen, whose it is, and what every page costs."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from greenloop.insight.figures import money
from greenloop.services.loop.hold import hold_account
from greenloop.store.queries import holdings, purchases
from greenloop.web import clock
from tests.support.ledger import fetch
from tests.support.signing import page
from tests.support.town import Town
from tests.support.visiting import visit

QUERIES_MAX = 12
PAGES = (
    *("/wallet/", "/wallet/?amount=20.00", "/wallet/orders/", "/wallet/orders/?of=brought", "/wallet/points/"),
    *("/wallet/ledger/", "/wallet/ledger/?of=coupons"),
)


@pytest.fixture
def as_of(town: Town, monkeypatch: pytest.MonkeyPatch) -> Town:
    """Let the pages' clock be the town's, as sign-in's stays the machine's."""
    monkeypatch.setattr(clock, "now", lambda: town.at)
    return town


def said(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, path
    return unescape(page(answer))


def rich(town: Town) -> Town:
    """Let Mei buy for 1 000 yuan at the grocer and two cycles pass: 100 fen to draw, and a coupon of 700."""
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    return town


def busy(town: Town) -> Town:
    """Let everything happen to Mei: red points, a coupon used, vouchers drawn and spent, a refund, orders that wait."""
    town.sell("mei", "grocer", 100_000)
    town.sell("lin", "grocer", 50_000)
    town.close_all([1, 2])
    order = town.sell("mei", "baker", 20_000, voucher_fen=30, coupon_fen=100)
    town.close_all([3, 4])
    town.draw("mei", 50)
    town.refund(order, 1_000)
    town.sell("mei", "grocer", 5_000, delivered=False)
    town.sell("mei", "grocer", 5_000, confirmed=False)
    return town


def test_the_wallet_says_to_the_fen_what_can_be_spent_and_from_which_purse(as_of: Town) -> None:
    rich(as_of).draw("mei", 40)
    told = said(visit(as_of.ids["mei"]), "/wallet/")
    wallet = as_of.wallet("mei")
    assert f"Can be spent now {money(wallet.voucher_fen + wallet.claimable_fen)} " in told
    # 40 drawn, 60 released and not drawn, a coupon of 7 yuan.
    assert "¥0.40 of vouchers unspent, ¥0.60 released and not drawn yet" in told
    assert "coupons usable now ¥7.00" in told
    assert "green 100.00 1.00 0.60 0.40 0.00 0.00 0.00" in told


def test_the_wallet_of_a_busy_holder_ties_with_what_a_sale_decides_on(as_of: Town) -> None:
    busy(as_of)
    held = holdings.holding(as_of.ids["mei"])
    told = said(visit(as_of.ids["mei"]), "/wallet/")
    assert held.spendable_fen == sum(
        as_of.wallet("mei", pool).voucher_fen + as_of.wallet("mei", pool).claimable_fen for pool in ("green", "red")
    )
    for amount in (held.spendable_fen, held.unspent_fen, held.drawable_fen, held.released_fen, held.spent_fen):
        assert money(amount) in told
    assert "2 purchases are waiting to become final" in told


def test_each_purchase_says_what_it_earned_and_what_that_has_released(as_of: Town) -> None:
    rich(as_of)
    told = said(visit(as_of.ids["mei"]), "/wallet/orders/")
    # 10 % of 1 000 yuan; 1 % of the 100 points so far.
    assert "Of ¥1,000.00 in cash the shop conceded ¥100.00 → 100.00 points; released so far: ¥1.00" in told


def test_the_wallet_says_what_came_into_its_holder_s_hands_this_year_by_tax_class(as_of: Town) -> None:
    assert "For your taxes" not in said(visit(as_of.ids["bo"]), "/wallet/ledger/")
    rich(as_of)
    as_of.draw("mei", 40)
    # The coupon of 7.00 and 0.40 of vouchers; what isn't drawn yet hasn't come.
    assert "discount on own purchases 7.40 0.00 0.00" in said(visit(as_of.ids["mei"]), "/wallet/ledger/")
    as_of.day(400)
    assert "For your taxes" not in said(visit(as_of.ids["mei"]), "/wallet/ledger/")


def test_after_a_refund_a_purchase_says_what_is_left_of_the_concession(as_of: Town) -> None:
    order = as_of.sell("mei", "grocer", 100_000)
    as_of.sell("bo", "grocer", 100_000, delivered=False)
    as_of.close_all([1, 2])
    as_of.refund(order, 25_000)
    told = said(visit(as_of.ids["mei"]), "/wallet/orders/")
    # Of 1 000 yuan 250 went back: three quarters of the concession of 100 are left.
    assert "After refunds ¥75.00 of the shop's concession are left → 75.00 points; released so far: ¥0.75" in told


def test_points_are_shown_with_what_they_released_never_with_what_they_might(as_of: Town) -> None:
    rich(as_of)
    answer = visit(as_of.ids["mei"]).get("/wallet/points/")
    told = page(answer)
    assert "0.010 × per point in 1 of 30 releases; never more than 5 ×" in told
    assert "Points promise nothing" in told
    # The line starts at 0 and has one release: two places, and none beyond.
    line = re.search(r'class="line-issue" d="([^"]+)"', answer.content.decode())
    assert line
    assert len(re.findall(r"[ML]", line.group(1))) == 2


@pytest.mark.parametrize("price", ["0.70", "1.00", "2.50"])
def test_what_the_page_says_would_pay_is_what_a_sale_then_takes(as_of: Town, price: str) -> None:
    rich(as_of).draw("mei", 40)
    client = visit(as_of.ids["mei"])
    told = said(client, f"/wallet/?amount={price}")
    fen = int(price.replace(".", ""))
    paid = min(fen, 100)
    assert f"Of {money(fen)}, vouchers would pay {money(paid)}." in told
    assert f"unspent vouchers, pool green {money(40)}" in told
    assert f"released and drawn for it, pool green {money(paid - 40)}" in told
    order = as_of.sell("mei", "baker", fen - paid, voucher_fen=paid)
    assert fetch("SELECT kind, amount_fen FROM wallet_entry WHERE order_id = %s ORDER BY line", order) == [
        ("draw", paid - 40),
        ("spend", paid),
    ]
    drawn = [
        amount for (amount,) in fetch("SELECT amount_fen FROM voucher_use WHERE order_id = %s ORDER BY line", order)
    ]
    assert drawn == [40, paid - 40]


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("", "Give an amount in yuan, such as 12.50."),
        ("twelve", "Give an amount in yuan, such as 12.50."),
        ("<b>", "Give an amount in yuan, such as 12.50."),
        ("9" * 40, "Give an amount in yuan, such as 12.50."),
        ("1.005", "has parts of a fen"),
        ("0", "A price is more than 0."),
        ("-5", "A price is more than 0."),
        ("99999999999", "larger than"),
    ],
)
def test_a_price_that_can_t_be_read_is_refused_with_a_way_out(as_of: Town, typed: str, error: str) -> None:
    answer = rich_client(as_of).get("/wallet/", {"amount": typed})
    assert answer.status_code == 200
    assert error in page(answer)
    assert "<b>" not in answer.content.decode()
    assert "vouchers would pay" not in page(answer)


def rich_client(town: Town) -> Client:
    return visit(rich(town).ids["mei"])


@pytest.mark.parametrize("typed", ["1,234.5", "¥ 1234.50", "￥1，234.50"])
def test_a_price_may_be_written_as_people_write_it(as_of: Town, typed: str) -> None:
    assert "Of ¥1,234.50, vouchers would pay ¥1.00" in page(rich_client(as_of).get("/wallet/", {"amount": typed}))


def test_the_quote_alone_is_sent_where_the_browser_asks_for_it_and_the_page_otherwise(as_of: Town) -> None:
    client = rich_client(as_of)
    part = client.get("/wallet/quote/", {"amount": "0.50"}, headers={"HX-Request": "true"})
    assert "vouchers would pay ¥0.50" in page(part)
    assert "<html" not in part.content.decode()
    assert client.get("/wallet/quote/", {"amount": "0.50"})["Location"] == "/wallet/?amount=0.50#quote"


def test_a_wallet_is_its_holder_s_and_there_is_no_way_to_name_another_s(as_of: Town) -> None:
    rich(as_of)
    lin = visit(as_of.ids["lin"])
    assert "¥1.00" not in said(lin, "/wallet/")
    for path in ("mei", "lin", "grocer", str(as_of.ids["mei"])):
        for rest in ("", "orders/", "points/", "ledger/"):
            assert lin.get(f"/holders/{path}/{rest}").status_code == 403
    for path in (*PAGES, "/wallet/quote/", "/holders/mei/"):
        answer = Client().get(path)
        assert (answer.status_code, answer["Location"].startswith("/sign-in/?next=")) == (302, True)


def test_the_platform_s_people_have_no_wallet_and_read_every_holder_s(as_of: Town, operator: int) -> None:
    rich(as_of).sell("grocer", "baker", 1_000, voucher_fen=100)
    client = visit(operator)
    assert client.get("/wallet/").status_code == 403
    told = said(client, "/holders/mei/")
    assert f"Account number {as_of.ids['mei']}" in told
    assert "Can be spent now ¥1.00" in told
    assert "What would pay a price" not in told
    # A merchant's account is a holder too.
    assert "Spent so far ¥1.00" in said(client, "/holders/grocer/")
    for path in ("/holders/nobody/", "/holders/nobody/orders/"):
        assert "Nobody is enrolled as nobody" in said(client, path, 404)
    assert client.post("/holders/mei/").status_code == 405


def test_staff_without_a_second_factor_see_no_holder(as_of: Town) -> None:
    from greenloop.services.people.staff import appoint_staff
    from tests.support.signing import NOW, PASSWORD

    wang = appoint_staff(name="Wang", roles=["auditor"], at=NOW, password=PASSWORD)
    assert visit(wang).get("/holders/mei/")["Location"] == "/sign-in/second-factor/set-up/"
    del as_of


def test_no_page_of_a_wallet_asks_the_database_more_than_twelve_times(as_of: Town, operator: int) -> None:
    busy(as_of)
    hold_account(account_id=as_of.ids["lin"], reason="looks odd", by="risk", at=as_of.at)
    staff = [
        f"/holders/{ref}/{rest}" for ref in ("mei", "lin", "grocer") for rest in ("", "orders/", "points/", "ledger/")
    ]
    staff.append(f"/holders/{as_of.ids['mei']}/")
    asked = {path: queries(visit(as_of.ids["mei"]), path) for path in (*PAGES, "/bound/")}
    asked |= {path: queries(visit(operator), path) for path in staff}
    assert {path: number for path, number in asked.items() if number > QUERIES_MAX} == {}


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
        number = len(captured)
    assert answer.status_code == 200, path
    assert number
    return number


def test_a_page_asks_as_often_for_a_long_history_as_for_a_short_one(as_of: Town) -> None:
    rich(as_of).draw("mei", 1)
    client = visit(as_of.ids["mei"])
    before = {path: queries(client, path) for path in PAGES}
    for cycle in range(3, 8):
        for _ in range(6):
            as_of.sell("mei", "baker", 2_000, voucher_fen=5)
        as_of.close(cycle)
    assert {path: queries(client, path) for path in PAGES} == before


def test_long_lists_go_on_page_after_page_and_show_everything_once(as_of: Town) -> None:
    as_of.sell("mei", "grocer", 100_000, order_no="n-0")
    as_of.close_all([1, 2])
    for number in range(1, 46):
        as_of.sell("mei", "baker", 1_000, voucher_fen=2, order_no=f"n-{number}")
    as_of.close(3)
    client = visit(as_of.ids["mei"])
    numbers = [f"n-{number}" for number in range(46)]
    assert sorted(walked(client, "/wallet/orders/", r"/orders/\w+/(n-\d+)/"), key=by_number) == numbers
    # Each of 45 purchases drew and spent.
    assert sorted(walked(client, "/wallet/ledger/", r"/orders/\w+/(n-\d+)/"), key=by_number) == sorted(
        numbers[1:] * 2, key=by_number
    )
    coupons = walked(client, "/wallet/ledger/?of=coupons", r"/orders/\w+/(n-\d+)/")
    assert sorted(coupons, key=by_number) == numbers


def by_number(order_no: str) -> int:
    return int(order_no.removeprefix("n-"))


def walked(client: Client, path: str, pattern: str) -> list[str]:
    """Return what a pattern finds on a page and on all that follow it."""
    found: list[str] = []
    base = path.partition("?")[0]
    for _ in range(20):
        html = client.get(path).content.decode()
        found += re.findall(pattern, html)
        older = re.search(r'rel="next" href="([^"]+)"', html)
        if older is None:
            return found
        assert older.group(1).startswith(base)
        path = older.group(1).replace("&amp;", "&")
    raise AssertionError(path)


@pytest.mark.parametrize(
    "before", ["", "x", "-1", "0", "9" * 30, "1.", "1.2.3", "1.%27", "5.99999999999999999999", "٣"]
)
def test_a_cursor_that_can_t_be_read_is_the_beginning_or_the_end_never_a_fault(as_of: Town, before: str) -> None:
    client = rich_client(as_of)
    for path in ("orders/?of=brought", "orders/?of=own", "points/?page=2", "ledger/?of=coupons", "ledger/?of=vouchers"):
        assert client.get(f"/wallet/{path}&before={before}&page={before}").status_code == 200


def test_a_member_with_nothing_yet_is_told_so_on_every_page(as_of: Town) -> None:
    client = visit(as_of.ids["bo"])
    told = said(client, "/wallet/?amount=5")
    assert "Can be spent now ¥0.00 No vouchers yet." in told
    assert "You have no vouchers to pay with now." in told
    assert "No points yet." in told
    for path in PAGES:
        assert "No " in said(client, path)


def test_a_held_account_is_told_that_it_waits_and_not_why_or_by_whom(as_of: Town, operator: int) -> None:
    rich(as_of)
    hold_account(account_id=as_of.ids["mei"], reason="odd pattern", by="risk-7", at=as_of.at)
    told = said(visit(as_of.ids["mei"]), "/wallet/?amount=0.50")
    assert "Your account is on hold" in told
    assert "Can be spent now ¥0.00 ¥1.00 waits for the end of the hold." in told
    assert "Nothing at present: the account is on hold." in told
    assert "odd pattern" not in told
    assert "risk-7" not in told
    assert "odd pattern" in said(visit(operator), "/holders/mei/")
    taking = as_of.take(as_of.sale("mei", "baker", 5, voucher_fen=5))
    assert taking.refusals[0].code == "spend.held"


def test_a_debt_is_said_and_repaid_before_anything_is_drawn(as_of: Town) -> None:
    as_of.sell("bo", "grocer", 200_000, delivered=False)
    order = as_of.sell("lin", "grocer", 100_000)
    as_of.sell("mei", "grocer", 1_000)
    as_of.close_all([1, 2])
    as_of.sell("mei", "baker", voucher_fen=21)
    as_of.refund(order, 100_000)
    as_of.sell("mei", "grocer", 30_000)
    as_of.close_all([3, 4])
    # 32 are released since; 20 of them are the reserve's.
    told = said(visit(as_of.ids["mei"]), "/wallet/?amount=1")
    assert "¥0.20 is owed to the reserve" in told
    assert "Can be spent now ¥0.12" in told
    assert "drawn before that, to repay what is owed, pool green ¥0.20" in told


def test_red_points_name_neither_the_purchase_nor_its_shop_nor_who_made_it(as_of: Town) -> None:
    as_of.sell("lin", "baker", 100_000, order_no="secret")
    as_of.close_all([1, 2])
    html = visit(as_of.ids["mei"]).get("/wallet/orders/?of=brought").content.decode()
    # 8 % of a concession of 20 %, released at 2.5 %.
    assert "16.00 red points" in html
    assert "¥0.40" in html
    for word in ("secret", "baker", ">lin<", str(as_of.ids["lin"])):
        assert word not in html


def test_what_waits_says_for_what_and_what_it_will_bring(as_of: Town) -> None:
    busy(as_of)
    told = said(visit(as_of.ids["mei"]), "/wallet/orders/")
    assert "The delivery isn't confirmed yet." in told
    assert "The payment institution hasn't confirmed the cash yet." in told
    # 10 % of 50 yuan, and 7 % of that.
    assert "Then it makes 5.00 points and a coupon of ¥0.35." in told
    assert purchases.waiting(as_of.ids["mei"], limit=1).coupons_fen == 70


def test_vouchers_and_coupons_past_their_day_are_marked(as_of: Town) -> None:
    rich(as_of).draw("mei", 40)
    as_of.later(days=366)
    told = said(visit(as_of.ids["mei"]), "/wallet/")
    assert "vouchers past its day ¥0.40" in told
    assert "coupons past their day ¥7.00" in told


def test_everybody_may_read_the_bound_with_its_live_figures(as_of: Town) -> None:
    as_of.sell("lin", "grocer", 100_000)
    as_of.close(1)
    as_of.sell("mei", "grocer", 50_000)
    as_of.close_all([2, 3])
    told = said(Client(headers={"accept-language": "en"}), "/bound/")
    # 200 points at 2 %, 100 at 1 %.
    for figure in (
        "Bound on the average 0.300 ×",
        "Released so far, mean 0.016 ×",
        "0.60 ÷ 2.00 = 0.30 yuan",
        "Cap 5 ×",
    ):
        assert figure in told
    assert "Nobody is owed it" in told
    assert "short, number 1" in told


def test_the_bound_can_be_read_before_there_are_any_rules_or_points(database: Any) -> None:
    del database
    told = said(Client(headers={"accept-language": "en"}), "/bound/")
    assert "No rules are in force yet." in told
    assert "No points have entered a pool yet." in told
