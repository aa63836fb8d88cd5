"""Tax classes in words, for pages and files."""

from typing import Any

from django.utils.translation import gettext_lazy

from greenloop.core.trust import tax

NAMES: dict[str, Any] = {
    tax.DISCOUNT: gettext_lazy("discount on own purchases"),
    tax.GIFT: gettext_lazy("gift"),
    tax.REFERRAL: gettext_lazy("income from referring"),
    tax.BUSINESS: gettext_lazy("business of a merchant"),
}
