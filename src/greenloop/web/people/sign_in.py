"""Signing in and out: by a code sent to a phone, or by name and password at work; and what is said when locked out."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.stagekit import clear_login
from allauth.account.utils import get_next_redirect_url, perform_login
from allauth.account.views import AccountInactiveView, ConfirmLoginCodeView, LogoutView, RequestLoginCodeView
from allauth.core import ratelimit
from allauth.decorators import rate_limit
from axes.helpers import get_cool_off
from django.contrib import messages
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from greenloop.core.people.phone import masked
from greenloop.web.page import show
from greenloop.web.people.forms import CodeForm, PhoneForm, StaffForm
from greenloop.web.people.second_factor import BEGUN_BY, NOT_TOGETHER


class PhoneView(RequestLoginCodeView):
    """Asks for a phone and sends it a code."""

    form_class = PhoneForm
    template_name = "account/request_login_code.html"

    def _redirect_to_pending_stage(self, request: HttpRequest, stage: Any) -> None:
        """Begin anew for whoever comes back from the next page: the number may have been mistyped."""
        del stage
        clear_login(request)


class CodeView(ConfirmLoginCodeView):
    """Asks for the code, sends another, and lets nobody guess for long."""

    form_class = CodeForm
    template_name = "account/confirm_login_code.html"

    def post(self, request: HttpRequest, *args: Any, **given: Any) -> HttpResponse:
        """Take a code, or send a new one."""
        if not self._is_still_theirs():
            clear_login(request)
            get_adapter().add_message(request, messages.ERROR, message=get_adapter().error_messages["incorrect_code"])
            return HttpResponseRedirect(reverse("account_login"))
        # Attempts are counted in the session; several requests at once would each see the count before theirs.
        phone = self._process.state.get("phone", "")
        if not ratelimit.consume(request, action="confirm_login_code", key=phone):
            clear_login(request)
            get_adapter().add_message(
                request, messages.ERROR, message=get_adapter().error_messages["too_many_login_attempts"]
            )
            return HttpResponseRedirect(reverse("account_login"))
        answer: HttpResponse = super().post(request, *args, **given)
        return answer

    def _is_still_theirs(self) -> bool:
        """Say whether the number is its account's still: who had it loses, with it, a code that is on its way."""
        user = self._process.user
        if user is None:
            return True
        known = get_adapter().get_phone(user)
        return known is not None and known[0] == self._process.state.get("phone")

    def _resend_form_valid(self, form: Any) -> HttpResponse:
        """Send another code; for a number that nobody has, do what looks the same."""
        if self._process.user is None:
            self._process.record_resend()
            self._process.persist()
            return HttpResponseRedirect(self.passthrough_next_url(reverse("account_confirm_login_code")))
        answer: HttpResponse = super()._resend_form_valid(form)
        return answer

    def get_context_data(self, **given: Any) -> dict[str, Any]:
        """Show no more of the number than is needed to see that it is the right one."""
        facts: dict[str, Any] = super().get_context_data(**given)
        return facts | {"phone": masked(facts["phone"] or ""), "minutes": self._process.timeout // 60}


class Inactive(AccountInactiveView):
    """Says that an account has been closed."""

    template_name = "account/account_inactive.html"


class SignOut(LogoutView):
    """Asks whether to sign out, and does so."""

    template_name = "account/logout.html"


@rate_limit(action="login")  # type: ignore[untyped-decorator]
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def staff(request: HttpRequest) -> HttpResponse:
    """Ask the platform's people for name and password, then lead them to their second factor."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(get_adapter().get_login_redirect_url(request))
    form = StaffForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        found = authenticate(request, username=form.cleaned_data["name"], password=form.cleaned_data["password"])
        if found is not None:
            # It counts as asked again, so that a first sign-in can go straight on to setting up the second factor.
            record_authentication(request, found, method="password", reauthenticated=True)
            request.session[BEGUN_BY] = found.get_session_auth_hash()
            answer: HttpResponse = perform_login(request, found, redirect_url=get_next_redirect_url(request))
            return answer
        form.add_error(None, _(NOT_TOGETHER))
    return show(request, "people/staff.html", form=form, next=get_next_redirect_url(request) or "")


@require_safe
def closed(request: HttpRequest) -> HttpResponse:
    """Say how one becomes a member: not here."""
    return show(request, "people/closed.html")


def locked_out(request: HttpRequest, _response: HttpResponse | None, _credentials: Any = None) -> HttpResponse:
    """Say that a name has failed too often, and for how long it stays closed."""
    pause = get_cool_off(request)
    seconds = int(pause.total_seconds()) if pause else 0
    answer = show(request, "people/locked.html", status=429, minutes=seconds // 60)
    answer["Retry-After"] = str(seconds)
    return answer
