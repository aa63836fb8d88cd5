"""Addresses of sign-in. Their names are allauth's, which reverses them, where it has a name for the page."""

from django.urls import path
from django.views.decorators.cache import never_cache

from greenloop.web.people import second_factor, sign_in
from greenloop.web.people.second_factor import for_staff

phone = sign_in.PhoneView.as_view()

urlpatterns = [
    path("sign-in/", phone, name="account_login"),
    path("sign-in/", phone, name="account_request_login_code"),
    path("sign-in/code/", sign_in.CodeView.as_view(), name="account_confirm_login_code"),
    path("sign-in/staff/", sign_in.staff, name="staff_sign_in"),
    path("sign-in/second-factor/", second_factor.Ask.as_view(), name="mfa_authenticate"),
    path("sign-in/second-factor/set-up/", for_staff(second_factor.SetUp.as_view()), name="mfa_activate_totp"),
    path("sign-in/again/", never_cache(second_factor.AskPasswordAgain.as_view()), name="account_reauthenticate"),
    path("sign-in/again/code/", never_cache(second_factor.AskAgain.as_view()), name="mfa_reauthenticate"),
    path("sign-in/inactive/", never_cache(sign_in.Inactive.as_view()), name="account_inactive"),
    path("sign-up/", sign_in.closed, name="account_signup"),
    path("sign-out/", never_cache(sign_in.SignOut.as_view()), name="account_logout"),
    path("my/sign-in/", for_staff(second_factor.Mine.as_view()), name="mfa_index"),
    path("my/sign-in/password/", for_staff(second_factor.Password.as_view()), name="account_change_password"),
    path("my/sign-in/recovery-codes/", for_staff(second_factor.Codes.as_view()), name="mfa_view_recovery_codes"),
    path(
        "my/sign-in/recovery-codes/new/",
        for_staff(second_factor.NewCodes.as_view()),
        name="mfa_generate_recovery_codes",
    ),
]
