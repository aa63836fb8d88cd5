"""The second factor of the platform's people: asking for it, setting it up, recovery codes, and the password."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.stagekit import clear_login
from allauth.account.views import PasswordChangeView
from allauth.account.views import ReauthenticateView as PasswordAgainView
from allauth.mfa.base.views import AuthenticateView, IndexView
from allauth.mfa.base.views import ReauthenticateView as FactorAgainView
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from greenloop.core.faults import say
from greenloop.services.people.staff import change_second_factor
from greenloop.web import access, clock
from greenloop.web.people.forms import FactorAgain, FactorForm, PasswordAgain, PasswordForm, SetUpForm

View = Callable[..., HttpResponse]
BEGUN_BY = "greenloop.begun_by"
"""Where a session keeps what stands for the password that a sign-in has begun by."""
NOT_TOGETHER = say("This name and this password don't belong together. Try again.")


def for_staff(view: View) -> View:
    """Let in the platform's people, also before they have a second factor; others have nothing to set up here."""

    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **given: Any) -> HttpResponse:
        found = access.visitor(request)
        if found is None:
            return HttpResponseRedirect(f"{reverse('staff_sign_in')}?next={request.path}")
        if not found.staff:
            raise PermissionDenied
        return (found.has_second_factor and access.factor_first(request, found)) or view(request, *args, **given)

    return guarded


def _noted(request: HttpRequest, act: str, change: Callable[[], HttpResponse]) -> HttpResponse:
    """Change the visitor's second factor, with an entry in the audit log."""
    return change_second_factor(account_id=int(request.user.pk or 0), act=act, change=change, at=clock.now())


class Ask(AuthenticateView):
    """Asks for a code of the second factor, between the password and the session."""

    form_class = FactorForm
    template_name = "mfa/authenticate.html"

    def post(self, request: HttpRequest, *args: Any, **given: Any) -> HttpResponse:
        """Take a code, unless the password has been changed since: then the sign-in ends, as sessions do."""
        if request.session.get(BEGUN_BY) != self.stage.login.user.get_session_auth_hash():
            clear_login(request)
            messages.error(request, _(NOT_TOGETHER))
            return HttpResponseRedirect(reverse("staff_sign_in"))
        answer: HttpResponse = super().post(request, *args, **given)
        return answer

    def _build_forms(self) -> Any:
        self.webauthn_form = None
        posted = self.request.POST if self.request.method == "POST" else None
        self.auth_form = self.get_form_class()(user=self.stage.login.user, data=posted)
        return self.auth_form


class AskAgain(FactorAgainView):
    """Asks for a code once more, before something that matters."""

    form_class = FactorAgain
    template_name = "account/reauthenticate.html"


class AskPasswordAgain(PasswordAgainView):
    """Asks for the password once more, before something that matters."""

    form_class = PasswordAgain
    template_name = "account/reauthenticate.html"


class SetUp(ActivateTOTPView):
    """Shows the secret to an authenticator app and takes its first code."""

    form_class = SetUpForm
    template_name = "mfa/totp/activate_form.html"

    def dispatch(self, request: HttpRequest, *args: Any, **given: Any) -> HttpResponse:
        """Lead who has one to what can be done with it."""
        found = access.visitor(request)
        if found is not None and found.has_second_factor:
            return HttpResponseRedirect(reverse("mfa_index"))
        answer: HttpResponse = super().dispatch(request, *args, **given)
        return answer

    def form_valid(self, form: Any) -> HttpResponse:
        """Note that this session has passed it; any that began before is asked."""
        answer = _noted(self.request, "factor.set_up", partial(super().form_valid, form))
        record_authentication(self.request, self.request.user, method="mfa", type="totp")
        return answer

    def get_context_data(self, **given: Any) -> dict[str, Any]:
        """Give the secret also in groups of four, for who types it."""
        facts: dict[str, Any] = super().get_context_data(**given)
        secret = facts["form"].secret
        grouped = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
        # The drawing is our own adapter's; nothing in it was typed by anybody.
        return facts | {"secret": grouped, "qr": mark_safe(facts["totp_svg"])}  # noqa: S308  our own  # nosec B308


class Mine(IndexView):
    """Shows how one signs in, with the ways to change it."""

    template_name = "mfa/index.html"

    def get_context_data(self, **given: Any) -> dict[str, Any]:
        """Say since when the second factor is there, and how many recovery codes are left."""
        facts: dict[str, Any] = super().get_context_data(**given)
        kept = facts["authenticators"]
        codes = kept.get("recovery_codes")
        since = kept["totp"].instance.created_at if "totp" in kept else None
        return facts | {"since": since, "codes_left": len(codes.get_unused_codes()) if codes else 0}


class Codes(ViewRecoveryCodesView):
    """Shows the recovery codes that are left."""

    template_name = "mfa/recovery_codes/index.html"


class NewCodes(GenerateRecoveryCodesView):
    """Draws new recovery codes in place of the old."""

    template_name = "mfa/recovery_codes/generate.html"

    def form_valid(self, form: Any) -> HttpResponse:
        """Draw them."""
        return _noted(self.request, "factor.codes", partial(super().form_valid, form))


class Password(PasswordChangeView):
    """Takes a new password; all other sessions of its owner end."""

    form_class = PasswordForm
    template_name = "account/password_change.html"
