"""What callers see of wallets, and draw: the holder, whoever enrolled it, the platform's people, nobody else."""

from typing import Any

import pytest

from greenloop.store import sql
from tests.support.calling import Caller, partner_of, till_of
from tests.support.looking import Looker, looker_of, staff_of
from tests.support.town import Town

LANES = pytest.mark.parametrize("ahead", [False, True], ids=["django", "ahead"])


@pytest.fixture
def mall(town: Town) -> Caller:
    """A partner through which Lin enrolled, and nobody else."""
    caller = partner_of("grocer")
    client = sql.value("SELECT id FROM api_client WHERE name = 'mall'")
    sql.run("INSERT INTO client_member (client_id, account_id) VALUES (%s, %s)", [client, town.ids["lin"]])
    return caller


@pytest.fixture
def earned(town: Town) -> Town:
    """Lin has bought for 1 000 yuan at 10 %, and the first release is over."""
    town.sell("lin", "grocer", 100_000)
    town.close_all([1, 2])
    return town


def wallet(town: Town, ref: str, more: str = "") -> str:
    return f"/v1/wallets/{town.ids[ref]}{more}"


@LANES
def test_a_client_reads_the_wallet_of_a_member_that_enrolled_through_it(
    earned: Town, mall: Caller, ahead: bool
) -> None:
    mall.ahead = ahead
    found = mall.get(wallet(earned, "lin")).json
    # 10 % of 1 000 yuan is conceded: 100 points, of which 1 % is released; 7 % of 100 yuan is the coupon.
    assert (found["points"], found["released_fen"], found["drawable_fen"], found["unspent_fen"]) == (
        10_000,
        100,
        100,
        0,
    )
    assert (found["coupon_fen"], found["held"], found["account_id"]) == (0, False, str(earned.ids["lin"]))
    green = {"pool": "green", "is_red": False, "points": 10_000, "released_fen": 100, "unspent_fen": 0}
    assert found["pools"] == [green | {"drawable_fen": 100, "spent_fen": 0, "expired_fen": 0, "debt_fen": 0}]


@LANES
def test_a_wallet_may_be_asked_for_by_a_signed_request(earned: Town, mall: Caller, ahead: bool) -> None:
    mall.ahead, mall.signs = ahead, True
    assert mall.get(wallet(earned, "lin")).json["points"] == 10_000


@LANES
def test_what_isn_t_a_client_s_own_isn_t_there(earned: Town, mall: Caller, ahead: bool) -> None:
    mall.ahead = ahead
    for account in (earned.ids["mei"], 17, "me", "0x1", "9" * 19, "x" * 300):
        answer = mall.get(f"/v1/wallets/{account}")
        assert (answer.status, answer.code) == (404, "account.unknown"), account
    reader = till_of("baker", scopes=("orders:read",))
    reader.ahead = ahead
    assert reader.get(wallet(earned, "lin")).code == "auth.scope"


@LANES
def test_a_merchant_s_till_reads_the_merchant_s_own_wallet(earned: Town, till: Caller, ahead: bool) -> None:
    till.ahead = ahead
    account = sql.value("SELECT account_id FROM merchant WHERE ref = 'grocer'")
    assert till.get(f"/v1/wallets/{account}").json["points"] == 10_000
    other = sql.value("SELECT account_id FROM merchant WHERE ref = 'baker'")
    assert till.get(f"/v1/wallets/{other}").status == 404


def test_a_member_reads_its_own_wallet_and_no_other(earned: Town) -> None:
    lin = looker_of(earned.ids["lin"])
    assert lin.get("/v1/wallets/me").json["account_id"] == str(earned.ids["lin"])
    assert lin.get(wallet(earned, "lin")).json["points"] == 10_000
    assert lin.get(wallet(earned, "mei")).code == "account.unknown"
    assert lin.get(wallet(earned, "mei", "/positions")).code == "account.unknown"


def test_auditors_read_every_wallet_and_draw_from_none(earned: Town) -> None:
    auditor = staff_of("auditor")
    assert auditor.get(wallet(earned, "lin")).json["points"] == 10_000
    assert auditor.get("/v1/wallets/17").code == "account.unknown"
    answer = auditor.post(wallet(earned, "lin", "/draws"), {"pool": "green"})
    assert (answer.status, answer.code) == (403, "auth.role")


def test_a_member_draws_and_the_ledgers_show_it(earned: Town, clock: Any) -> None:
    lin = looker_of(earned.ids["lin"])
    clock(earned.at)
    drawn = lin.post("/v1/wallets/me/draws", {"pool": "green", "amount_fen": 40}, idempotency_key="d-1")
    assert (drawn.status, drawn.json["drawn_fen"]) == (201, 40)
    again = lin.post("/v1/wallets/me/draws", {"pool": "green", "amount_fen": 40}, idempotency_key="d-1")
    assert (again.body, again.headers["idempotency-replayed"]) == (drawn.body, "true")
    clock(earned.later(minutes=1).at)
    lin.post("/v1/wallets/me/draws", {"pool": "green"})
    first = lin.get("/v1/wallets/me/movements?limit=1").json
    assert [(each["kind"], each["unspent_fen"]) for each in first["items"]] == [("draw", 60)]
    rest = lin.get(f"/v1/wallets/me/movements?limit=1&cursor={first['next_cursor']}").json
    assert ([each["amount_fen"] for each in rest["items"]], rest["next_cursor"]) == ([40], None)
    papers: list[Any] = []
    cursor = ""
    while True:
        page = lin.get(f"/v1/wallets/me/vouchers?limit=1{cursor}").json
        papers += [each["left_fen"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert papers == [40, 60]
    over = lin.post("/v1/wallets/me/draws", {"pool": "green", "amount_fen": 1})
    assert (over.status, over.code) == (422, "wallet.short")
    assert lin.post("/v1/wallets/me/draws", {"pool": "blue"}).code == "draw.pool"


def test_positions_show_how_far_each_cohort_is(earned: Town) -> None:
    lin = looker_of(earned.ids["lin"])
    (row,) = lin.get("/v1/wallets/me/positions").json["positions"]
    assert (row["points"], row["index"], row["age"], row["cycles"], row["entry_cycle"]) == (
        10_000,
        str(10**10),
        1,
        30,
        1,
    )


def test_coupons_are_listed_with_what_is_still_to_come(earned: Town) -> None:
    earned.sell("lin", "baker", 10_000)  # concession 2 000: a coupon of 140 when it vests
    found = looker_of(earned.ids["lin"]).get("/v1/wallets/me/coupons").json
    assert [(each["kind"], each["face_fen"], each["left_fen"]) for each in found["items"]] == [("earned", 700, 700)]
    assert found["pending_fen"] == 140


def test_a_past_instant_may_be_named_and_a_future_one_not(earned: Town, clock: Any) -> None:
    lin: Looker = looker_of(earned.ids["lin"])
    clock(earned.at)
    before = earned.calendar.cutoff_at(1).isoformat().replace("+", "%2B")
    found = lin.get(f"/v1/wallets/me?at={before}").json
    assert (found["points"], found["released_fen"], found["coupon_fen"]) == (10_000, 0, None)
    (row,) = lin.get(f"/v1/wallets/me/positions?at={before}").json["positions"]
    assert (row["index"], row["age"]) == ("0", 0)
    assert lin.get("/v1/wallets/me?at=2150-01-01T00:00:00Z").code == "wallet.at_ahead"
    for wrong in ("2026-01-01T00:00:00", "yesterday", "1850-01-01T00:00:00Z"):
        assert lin.get(f"/v1/wallets/me?at={wrong}").status == 422


def test_a_client_draws_for_a_member_that_enrolled_through_it(earned: Town, mall: Caller) -> None:
    assert mall.post(wallet(earned, "lin", "/draws"), {"pool": "green"}).json["drawn_fen"] == 100
    assert mall.post(wallet(earned, "mei", "/draws"), {"pool": "green"}).code == "account.unknown"
