"""How allauth, axes and Django's sign-in meet our people: phones by their look-up, names at work, sealed secrets."""

import ipaddress
from datetime import UTC, datetime
from typing import Any

import qrcode
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from greenloop.config.texts import sender
from greenloop.core.faults import Refusal
from greenloop.core.people import work_name
from greenloop.services.people.sign_in import PhoneForm, give_phones, verify_phone
from greenloop.store import sealed
from greenloop.store.queries import people


def account_named(name: str) -> int | None:
    """Return the account of somebody who signs in by a name at work, None where there is none."""
    try:
        return people.account_by("name", work_name.found_by(work_name.cleaned(name)))
    except Refusal:
        return None


def counted_by(request: HttpRequest, credentials: dict[str, Any] | None) -> str | None:
    """Return what failed sign-ins are counted by: the look-up of a name, so that logs and counters hold no names.

    Axes asks with a name at work before a sign-in, and with an account's number after one.
    """
    told = credentials or {}
    named = told.get("username") or told.get("name") or request.POST.get("name")
    if isinstance(named, int):
        return people.look_up_of(named, "name")
    if not named:
        return None
    try:
        # As it is looked up: else each way of writing a name, in wide letters or others, would have a count of its own.
        written = work_name.cleaned(named)
    except Refusal:
        written = " ".join(named.split())
    return sealed.look_up("name", work_name.found_by(written))


def account_of(number: Any) -> Any:
    """Return an account by its number, None where there is none."""
    return None if number is None else get_user_model().objects.filter(pk=number).first()


class StaffBackend(BaseBackend):
    """Sign-in of the platform's people by a name at work and a password; and the way back from a session for all."""

    def authenticate(self, request: HttpRequest | None, **kwargs: Any) -> Any:
        """Return the account, None if anything is wrong; a name that nobody has takes as long as one that is known."""
        del request
        username, password = kwargs.get("username"), kwargs.get("password")
        if not username or password is None:
            return None
        account = account_of(account_named(username))
        if account is None:
            get_user_model()().set_password(password)
            return None
        if account.check_password(password) and account.is_active and people.visitor(int(account.pk)).staff:
            return account
        return None

    def get_user(self, user_id: Any) -> Any:
        """Return the account behind a session, None if it has been closed."""
        account = account_of(user_id)
        return account if account is not None and account.is_active else None


class AccountAdapter(DefaultAccountAdapter):
    """Members and merchants sign in by a code sent to their phone; nobody signs up here."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "enter_current_password": gettext_lazy("This is not your password. Write the one you sign in with now."),
        "incorrect_code": gettext_lazy("This code is not right, or is no longer good. Look at it once more."),
        "incorrect_password": gettext_lazy("This is not your password. Try again."),
        "rate_limited": gettext_lazy("That was too often. Wait a minute, then try again."),
        "too_many_login_attempts": gettext_lazy("That was too often. Wait a while, then ask for a new code."),
    }

    def get_login_stages(self) -> list[str]:
        """Return what lies between who somebody says they are and their session; there are no e-mails here."""
        return ["allauth.account.stages.LoginByCodeStage", "allauth.mfa.stages.AuthenticateStage"]

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Say that nobody signs up on these pages: members enrol at a till, merchants by contract."""
        del request
        return False

    def add_message(self, *args: Any, message: str | None = None, **given: Any) -> None:
        """Pass on what has to be said; what a page says by itself (the library's templates) is left out."""
        if message:
            super().add_message(*args, message=message, **given)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return what an address is counted by: a network of IPv6 as one, and never the address itself."""
        address = super().get_client_ip(request)
        try:
            known = ipaddress.ip_address(address)
            if isinstance(known, ipaddress.IPv6Address):
                # A listener for both kinds writes IPv4 as IPv6, all of it in one network.
                address = str(known.ipv4_mapped or ipaddress.ip_network(f"{address}/64", strict=False))
        except ValueError:
            pass
        return sealed.look_up("address", address)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Lead back to the page of one's own sign-in."""
        from django.urls import reverse

        del request
        return reverse("mfa_index")

    def reauthenticate(self, user: AbstractBaseUser, password: str) -> bool:
        """Ask for the password again; failures count as those at the door do."""
        from allauth.core import context

        name = people.identifier(int(user.pk), "name")
        found = authenticate(context.request, username=name, password=password) if name else None
        return found is not None and found.pk == user.pk

    # --- phones

    def get_user_by_phone(self, phone: str) -> Any:
        """Return whose phone this is, given as + and digits."""
        return account_of(people.account_by("phone", phone))

    def get_phone(self, user: AbstractBaseUser) -> tuple[str, bool] | None:
        """Return an account's phone, and whether it has been signed in by."""
        phone = people.identifier(int(user.pk), "phone")
        return (phone, people.verified(int(user.pk))) if phone else None

    def set_phone(self, user: AbstractBaseUser, phone: str, verified: bool) -> None:
        """Give an account its phone."""
        give_phones(forms=[PhoneForm(account_id=int(user.pk), phone=phone)], at=datetime.now(UTC))
        if verified:
            self.set_phone_verified(user, phone)

    def set_phone_verified(self, user: AbstractBaseUser, phone: str) -> None:
        """Note that a code sent to this phone came back."""
        del phone
        verify_phone(account_id=int(user.pk), at=datetime.now(UTC))

    def send_verification_code_sms(self, user: AbstractBaseUser, phone: str, code: str, **_given: Any) -> None:
        """Send a code, in the language of the page that it was asked for on."""
        del user
        text = _("{code} is your Greenloop sign-in code, good for 5 minutes. Nobody of ours will ever ask you for it.")
        sender().send(phone=phone, text=text.format(code=code))

    def send_unknown_account_sms(self, phone: str, **_given: Any) -> None:
        """Tell who has a number that isn't enrolled; to whoever typed it, both look and take the same."""
        text = _(
            "Somebody asked to sign in to Greenloop by this number, which is not enrolled. Any shop of ours enrols it."
        )
        sender().send(phone=phone, text=text)


class SecondFactorAdapter(DefaultMFAAdapter):
    """Second factors of the platform's people: secrets are sealed, an authenticator app shows the name at work."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": AccountAdapter.error_messages["incorrect_code"],
    }

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        """Return what an authenticator app calls this account."""
        return people.identifier(int(user.pk), "name") or str(user.pk)

    def build_totp_svg(self, url: str) -> str:
        """Draw the QR code as one path, dark on white whatever the theme, without a style."""
        title = _("QR code for an authenticator app")
        code = qrcode.QRCode(border=4, error_correction=qrcode.constants.ERROR_CORRECT_M)
        code.add_data(url)
        matrix = code.get_matrix()
        path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(matrix) for x, dark in enumerate(row) if dark)
        side = len(matrix)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="qr" viewBox="0 0 {side} {side}" width="220" height="220" '
            f'role="img" aria-labelledby="qr-title"><title id="qr-title">{title}</title>'
            f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path fill="#000" d="{path}"/></svg>'
        )

    def encrypt(self, text: str) -> str:
        """Seal a secret."""
        sealed.refuse_unkept()
        return sealed.seal(text, sealed.product_key(sealed.FACTOR), "second factor")

    def decrypt(self, encrypted_text: str) -> str:
        """Open a secret."""
        return sealed.unseal(encrypted_text, sealed.product_key(sealed.FACTOR), "second factor")
