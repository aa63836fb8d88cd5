"""What journals and control accounts are called when people without the books' terms read them."""

from django.utils.translation import gettext as _

from greenloop.core.books.accounts import account_class


def kind_words(kind: str) -> str:
    """Return what a kind of journal records."""
    words = {
        "take": _("Paid at the shop"),
        "confirm": _("Cash confirmed by the bank's statement"),
        "vest": _("Vested: the concession is divided"),
        "rebate": _("First-order rebate, from a grant's rest"),
        "grant": _("First-order rebate, paid by the platform"),
        "fee": _("Platform fee moved"),
        "payout": _("Paid out to the shop"),
        "refund": _("Refund"),
    }
    return words.get(kind, kind)


def account_words(name: str) -> str:
    """Return what a control account holds; a pool isn't named."""
    words = {
        "trust:bank": _("trust account at the bank"),
        "trust:in_transit": _("paid, not yet confirmed"),
        "trust:concession_pending": _("concession that waits"),
        "trust:pool": _("free money of a pool"),
        "trust:accrued": _("released, not drawn"),
        "trust:voucher": _("vouchers drawn, not spent"),
        "trust:coupon": _("shopping coupons"),
        "trust:merchant_payable": _("owed to the shop"),
        "trust:fee_payable": _("platform fee due"),
        "trust:grant_unused": _("rest of a grant"),
        "trust:reserve": _("reserve"),
        "ops:bank": _("the platform's own bank"),
        "ops:marketing": _("the platform's marketing"),
        "ops:fee_income": _("the platform's income"),
    }
    return words.get(account_class(name), name)
