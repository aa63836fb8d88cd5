"""The platform's own people: appointed with roles, given a second factor, dismissed."""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP

from greenloop.core.faults import Refusal, say
from greenloop.core.people import work_name
from greenloop.core.people.roles import READERS, ROLES
from greenloop.services.again import begun_again
from greenloop.services.people import steps
from greenloop.services.trust.steps import note
from greenloop.services.verb import verb
from greenloop.store import locks, sealed
from greenloop.store.models import Account, Identifier, StaffRole

Changed = TypeVar("Changed")
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are taken for one another when a password is copied by hand."""


def draw_password() -> str:
    """Draw a first password: four groups of five, 99 bits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(4))


@begun_again
@verb
def appoint_staff(*, name: str, roles: Collection[str], at: datetime, password: str | None = None) -> int:
    """Give somebody roles at the platform, beside those they have, and return their account.

    With a password their earlier one, their second factor and their sessions end: it is what they begin with, or begin
    again with after a loss. Without one, nothing but the roles changes.

    :raises Refusal: the name can't be used, a role is unknown, or who only reads would have another too; somebody new
        has no password; the identity key is not kept.
    """
    shown = work_name.cleaned(name)
    account = _by_name(shown)
    had = set(StaffRole.objects.filter(account=account).values_list("role", flat=True)) if account else set()
    _check_roles(had | set(roles))
    if account is None:
        if password is None:
            message = say("{name} is new here and needs a first password.")
            raise Refusal("staff.password", message, field="password", name=shown)
        account = steps.account(at)
        steps.identify("name", {account.id: work_name.found_by(shown)}, {account.id: shown})
    locks.holders([account.id])
    StaffRole.objects.bulk_create(StaffRole(account=account, role=role) for role in sorted(set(roles) - had))
    if password is not None:
        account.set_password(password)
        account.save(update_fields=["password"])
        steps.drop_second_factor(account.id)
    if set(roles) - had or password is not None:
        detail = {"roles": sorted(had | set(roles)), "new_password": password is not None}
        note(act="staff.appoint", about=f"account/{account.id}", detail=detail, at=at)
    return account.id


def _by_name(name: str) -> Account | None:
    lookup = sealed.look_up("name", work_name.found_by(name))
    found = Identifier.objects.filter(kind="name", lookup=lookup).select_related("account").first()
    return found.account if found else None


def _check_roles(roles: Collection[str]) -> None:
    if not roles or set(roles) - set(ROLES):
        message = say("Name one or more of these roles: {roles}.")
        raise Refusal("staff.role", message, field="role", roles=", ".join(ROLES))
    if set(READERS) & set(roles) and len(set(roles)) > 1:
        message = say("Auditors and regulators read everything and change nothing, so they have no other role.")
        raise Refusal("staff.auditor", message, field="role")


@verb
def dismiss_staff(*, name: str, at: datetime) -> int:
    """Take all roles, the password and the second factor from somebody; their name stays beside what they decided.

    :raises Refusal: nobody has this name.
    """
    account = _by_name(work_name.cleaned(name))
    if account is None:
        message = say("Nobody of the platform is called {name}.")
        raise Refusal("staff.unknown", message, field="name", name=work_name.cleaned(name))
    locks.holders([account.id])
    StaffRole.objects.filter(account=account).delete()
    steps.drop_second_factor(account.id)
    steps.sign_out([account.id])
    note(act="staff.dismiss", about=f"account/{account.id}", detail={}, at=at)
    return account.id


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A second factor as it has been set up: what an authenticator app is given, and codes that work once each."""

    secret: str
    recovery_codes: tuple[str, ...]


@verb
def set_up_second_factor(*, account_id: int, secret: str, at: datetime) -> SecondFactor:
    """Set up an authenticator app's secret (Base32) for an account, in place of any it has, with recovery codes."""
    account = Account.objects.get(id=account_id)
    steps.drop_second_factor(account_id)
    TOTP.activate(account, secret)
    codes = tuple(RecoveryCodes.activate(account).generate_codes())
    note(act="factor.set_up", about=f"account/{account_id}", detail={}, at=at)
    return SecondFactor(secret, codes)


@verb
def change_second_factor(*, account_id: int, act: str, change: Callable[[], Changed], at: datetime) -> Changed:
    """Let somebody change their own second factor as `change` does it, noted in the audit log or not done at all.

    The library that the pages sign in by sets factors up and draws recovery codes itself.
    """
    changed = change()
    note(act=act, about=f"account/{account_id}", detail={}, at=at)
    return changed
