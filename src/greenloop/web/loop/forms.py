"""Forms of the wallet."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from greenloop.core.faults import Refusal
from greenloop.core.money import fen_of
from greenloop.web.words import told

LENGTH_MAX = 24
WRITTEN = str.maketrans("", "", ",，¥￥ ")


class PriceForm(forms.Form):
    """Asks for a price in yuan; `fen` is what it came to."""

    amount = forms.CharField(
        label=gettext_lazy("Price in yuan"),
        max_length=LENGTH_MAX,
        error_messages={
            "required": gettext_lazy("Give an amount in yuan, such as 12.50."),
            "max_length": gettext_lazy("Give an amount in yuan, such as 12.50."),
        },
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "placeholder": "12.50"}),
    )

    def clean_amount(self) -> int:
        """Return the price in fen."""
        try:
            fen = fen_of(str(self.cleaned_data["amount"]).translate(WRITTEN))
        except Refusal as refusal:
            unreadable = refusal.code == "money.unreadable"
            raise ValidationError(
                _("Give an amount in yuan, such as 12.50.") if unreadable else told(refusal)
            ) from refusal
        if fen <= 0:
            raise ValidationError(_("A price is more than 0. Give an amount in yuan, such as 12.50."))
        return fen

    @property
    def fen(self) -> int:
        """Return the price of a form that is valid."""
        amount: Any = self.cleaned_data["amount"]
        return int(amount)
