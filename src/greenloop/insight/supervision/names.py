"""What orders, holders and shops are called in an auditor's report.

A name is the same wherever it stands in one report, so rows can be joined; another period, or other books, give other
names, so two reports don't tell whose life it is. Who has the product's key can tell who it is.
"""

import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache

from greenloop.store.queries.statements import Period
from greenloop.store.sealed import product_key, refuse_unkept

PURPOSE = "names in supervision reports"
LETTERS = 16
KEPT_MAX = 200_000

Namer = Callable[[str, int], str]


def namer(period: Period, newest_journal: int) -> Namer:
    """Return the function that names something of a kind (`order`, `holder`, `shop` …) in one report.

    :raises Refusal: the product's key is not kept, so nobody could ever tell who it was.
    """
    refuse_unkept()
    about = f"{period.first_date}/{period.last_date}/{newest_journal}"
    key = hmac.digest(product_key(PURPOSE), about.encode(), hashlib.sha256)

    @lru_cache(KEPT_MAX)
    def name(kind: str, number: int) -> str:
        return hmac.digest(key, f"{kind}/{number}".encode(), hashlib.sha256).hex()[:LETTERS]

    return name
