"""The forms of sign-in: what is typed, in the product's own words."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm, ConfirmLoginCodeForm, ReauthenticateForm
from allauth.core import context, ratelimit
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as FactorAgainForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from greenloop.core.faults import Refusal
from greenloop.core.people.phone import normalised
from greenloop.web import words


class PhoneField(forms.CharField):
    """A phone number, however it is written; the form gets + and digits."""

    def clean(self, value: Any) -> str:
        """Read the number, or say what is wrong with it."""
        try:
            return normalised(super().clean(value))
        except Refusal as refusal:
            raise ValidationError(words.told(refusal)) from None


def _code(label: Any, *, help_text: Any = "", digits_only: bool = True) -> forms.CharField:
    typed = {"autocomplete": "one-time-code", "autocapitalize": "off", "spellcheck": "false", "autofocus": True}
    attrs = typed | ({"inputmode": "numeric"} if digits_only else {})
    return forms.CharField(label=label, help_text=help_text, max_length=32, widget=forms.TextInput(attrs=attrs))


def _password(label: Any, autocomplete: str) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, strip=False, max_length=4096, widget=widget)


class PhoneForm(forms.Form):
    """Asks for a phone; one that nobody has is taken just as well, so that nobody learns who is a member."""

    phone = PhoneField(
        label=_("Phone number"),
        help_text=_("The number that you enrolled with. Numbers outside the mainland begin with + and the country."),
        max_length=64,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "autofocus": True}),
    )

    def clean_phone(self) -> str:
        """Find whose phone it is, and count how often it is asked for."""
        phone: str = self.cleaned_data["phone"]
        self._user = get_adapter().get_user_by_phone(phone)  # the library's view asks for it by this name
        if not ratelimit.consume(context.request, action="request_login_code", key=phone):
            raise get_adapter().validation_error("too_many_login_attempts")
        return phone


class CodeForm(ConfirmLoginCodeForm):
    """Asks for the code that was sent."""

    code = _code(_("Code from the text message"))


class StaffForm(forms.Form):
    """Asks the platform's people for their name at work and their password."""

    name = forms.CharField(
        label=_("Name at work"),
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = _password(_("Password"), "current-password")


USED_S = 120
"""Longer than the minute and a half for which a code is taken."""

FACTOR = _("Code")
FACTOR_HELP = _("The 6 digits that your authenticator app shows now, or one of your recovery codes.")


class UsedOnce:
    """Refuses a code that has let somebody in before.

    Codes of the half minutes before and after are taken too, for clocks differ and people type slowly; the library
    remembers used ones for half a minute only.
    """

    def clean_code(self) -> str:
        """Let the library read the code, then see that it is new."""
        form: Any = self
        code: str = super().clean_code()  # type: ignore[misc]
        mark = f"second-factor/{form.user.pk}/{normalize_user_code(code)}"
        if not cache.add(mark, "used", timeout=USED_S):
            raise get_adapter().validation_error("incorrect_code")
        return code


class FactorForm(UsedOnce, AuthenticateForm):
    """Asks for a code of the second factor, or a recovery code."""

    code = _code(FACTOR, help_text=FACTOR_HELP)


class FactorAgain(UsedOnce, FactorAgainForm):
    """Asks for a code of the second factor once more, before something that matters."""

    code = _code(FACTOR, help_text=FACTOR_HELP)


class SetUpForm(UsedOnce, ActivateTOTPForm):
    """Asks for the first code of a new second factor, which proves that the app has the secret."""

    code = _code(_("Code that the app shows"), help_text=_("6 digits, new every half minute."))


class PasswordAgain(ReauthenticateForm):
    """Asks for the password once more, before something that matters."""

    password = _password(_("Password"), "current-password")


class PasswordForm(ChangePasswordForm):
    """Asks for a new password; the library checks both and ends all other sessions."""

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        labels = {
            "oldpassword": _("Present password"),
            "password1": _("New password"),
            "password2": _("New password, once more"),
        }
        for name, label in labels.items():
            self.fields[name].label = label
            self.fields[name].help_text = ""
            self.fields[name].widget.attrs.pop("placeholder", None)
        self.fields["password1"].help_text = " ".join(map(str, password_validators_help_texts()))
