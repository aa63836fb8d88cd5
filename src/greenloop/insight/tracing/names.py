"""What an order is called to somebody who has no part in it.

One viewer is told the same name each time, and so learns which of their fen one order paid for, and no more: another
viewer is told another name, so two can't find out by comparing that it is the same order.
"""

import hashlib
import hmac

from greenloop.store.sealed import product_key

PURPOSE = "names of traced orders"
LETTERS = 12


def pseudonym(order_id: int, *, viewer: str) -> str:
    """Return an order's name for one viewer (`account/…` or `client/…`).

    Who has the product's key can tell which order it is.
    """
    about = f"{viewer}/order/{order_id}"
    return hmac.new(product_key(PURPOSE), about.encode(), hashlib.sha256).hexdigest()[:LETTERS]
