"""The form of a rejection: a cap for each pool in yuan, of which 0 is one."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from greenloop.core.faults import Refusal
from greenloop.core.money import fen_of
from greenloop.store.queries.settlements import PoolResult
from greenloop.web.loop.forms import LENGTH_MAX, WRITTEN
from greenloop.web.words import told


class CapsForm(forms.Form):
    """Asks for the caps of a rejected settlement; a pool that is left empty keeps what was computed for it."""

    def __init__(self, results: Iterable[PoolResult], data: Any = None) -> None:
        super().__init__(data)
        self.pools = {f"cap-{result.fact.id}": result.fact.name for result in results}
        for name, pool in self.pools.items():
            self.fields[name] = CapField(pool)

    def clean(self) -> dict[str, Any]:
        """Make sure that at least one pool gets a cap."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and all(cleaned.get(name) is None for name in self.pools):
            raise ValidationError(_("Give at least one pool a cap. Without one, the same would be proposed again."))
        return cleaned

    @property
    def caps_fen(self) -> dict[str, int]:
        """Return the caps of a valid form by pool, in fen."""
        found = {pool: self.cleaned_data.get(name) for name, pool in self.pools.items()}
        return {pool: fen for pool, fen in found.items() if fen is not None}


class CapField(forms.CharField):
    """One pool's cap: an amount in yuan with at most two decimals, or nothing."""

    def __init__(self, pool: str) -> None:
        super().__init__(
            label=_("Cap of pool {pool}, in yuan").format(pool=pool),
            required=False,
            max_length=LENGTH_MAX,
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        )

    def clean(self, value: Any) -> int | None:
        """Return the cap in fen, None where nothing was written."""
        written = str(super().clean(value)).translate(WRITTEN)
        if not written:
            return None
        try:
            fen = fen_of(written)
        except Refusal as refusal:
            raise ValidationError(told(refusal)) from refusal
        if fen < 0:
            raise ValidationError(_("A cap is 0 or more."))
        return fen
