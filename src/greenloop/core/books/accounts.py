"""The control accounts of domain.md, and the only postings that may join them.

A control account's class is its name without the pool: `trust:pool:green` is of class `trust:pool`.
"""

TRUST = "trust"
OPS = "ops"

ASSETS = frozenset({"trust:bank", "trust:in_transit", "ops:bank", "ops:receivable", "ops:marketing"})
TRUST_ASSETS = ("trust:bank", "trust:in_transit")
PER_POOL = ("trust:pool", "trust:accrued", "trust:voucher")
SINGLE = (
    "trust:bank",
    "trust:in_transit",
    "trust:concession_pending",
    "trust:coupon",
    "trust:merchant_payable",
    "trust:fee_payable",
    "trust:grant_unused",
    "trust:reserve",
    "ops:bank",
    "ops:receivable",
    "ops:fee_income",
    "ops:marketing",
)

# (kind of journal, debit class, credit class). What is not here can't be posted: no top-up, no sale of points,
# no transfer between members, and between the books only the platform fee, a funded grant, and an advance that two
# people approved, with its way back (G4, G6, G9).
ALLOWED = frozenset(
    {
        ("take", "trust:in_transit", "trust:merchant_payable"),
        ("take", "trust:in_transit", "trust:concession_pending"),
        ("take", "trust:accrued", "trust:voucher"),
        ("take", "trust:accrued", "trust:reserve"),
        ("take", "trust:voucher", "trust:merchant_payable"),
        ("take", "trust:coupon", "trust:merchant_payable"),
        ("confirm", "trust:bank", "trust:in_transit"),
        ("vest", "trust:concession_pending", "trust:pool"),
        ("vest", "trust:concession_pending", "trust:coupon"),
        ("vest", "trust:concession_pending", "trust:reserve"),
        ("vest", "trust:concession_pending", "trust:fee_payable"),
        ("rebate", "trust:grant_unused", "trust:coupon"),
        ("grant", "ops:marketing", "ops:bank"),
        ("grant", "trust:bank", "trust:coupon"),
        ("advance", "ops:receivable", "ops:bank"),
        ("advance", "trust:bank", "trust:merchant_payable"),
        ("advance", "trust:merchant_payable", "trust:bank"),
        ("advance", "ops:bank", "ops:receivable"),
        ("fee", "trust:fee_payable", "trust:bank"),
        ("fee", "ops:bank", "ops:fee_income"),
        ("settle", "trust:pool", "trust:accrued"),
        ("draw", "trust:accrued", "trust:voucher"),
        ("draw", "trust:accrued", "trust:reserve"),
        ("expire", "trust:voucher", "trust:pool"),
        ("expire", "trust:coupon", "trust:reserve"),
        ("payout", "trust:merchant_payable", "trust:bank"),
        ("deposit", "trust:bank", "trust:merchant_payable"),
        ("refund", "trust:merchant_payable", "trust:bank"),
        ("refund", "trust:merchant_payable", "trust:in_transit"),
        ("refund", "trust:merchant_payable", "trust:voucher"),
        ("refund", "trust:merchant_payable", "trust:coupon"),
        ("refund", "trust:merchant_payable", "trust:accrued"),
        ("refund", "trust:merchant_payable", "trust:reserve"),
        ("refund", "trust:merchant_payable", "trust:grant_unused"),
        ("refund", "trust:concession_pending", "trust:bank"),
        ("refund", "trust:concession_pending", "trust:in_transit"),
        ("refund", "trust:pool", "trust:merchant_payable"),
        ("refund", "trust:reserve", "trust:merchant_payable"),
        ("refund", "trust:fee_payable", "trust:merchant_payable"),
        ("refund", "trust:coupon", "trust:merchant_payable"),
        ("refund", "trust:coupon", "trust:reserve"),
        ("refund", "trust:coupon", "trust:grant_unused"),
        ("refund", "trust:accrued", "trust:pool"),
        ("refund", "trust:voucher", "trust:accrued"),
        ("refund", "trust:pool", "trust:accrued"),
        ("refund", "trust:reserve", "trust:accrued"),
    }
)
TRANSFERS = frozenset({"fee", "grant", "advance"})


def account_class(name: str) -> str:
    """Return the class of a control account: its name without the pool."""
    return ":".join(name.split(":", 2)[:2])


def book_of(name: str) -> str:
    """Return the book a control account belongs to."""
    return name.split(":", 1)[0]


def pool_of(name: str) -> str:
    """Return the pool that a control account is of, empty where it is of none."""
    return name.removeprefix(f"{account_class(name)}:") if account_class(name) in PER_POOL else ""


def is_asset(name: str) -> bool:
    """Tell whether a control account grows by debits."""
    return account_class(name) in ASSETS


def pool_accounts(pool: str) -> tuple[str, ...]:
    """Return the control accounts that the pool named `pool` needs."""
    return tuple(f"{prefix}:{pool}" for prefix in PER_POOL)
