"""Writes that the verbs about people share. Each is part of its caller's transaction."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

from greenloop.core.faults import Refusal, say
from greenloop.core.people.phone import masked
from greenloop.services import ids
from greenloop.store import locks, sealed
from greenloop.store.models import Account, Identifier, Merchant, PersonKey, StaffRole


def account(at: datetime) -> Account:
    """Return a new account for a person, written, that nobody can sign in to yet."""
    made = Account(id=ids.block(1)[0], created_at=at)
    made.set_unusable_password()
    made.save(force_insert=True)
    return made


def identify(kind: str, values: Mapping[int, str], shown: Mapping[int, str] | None = None) -> None:
    """Give accounts their phones or names at work, in place of earlier ones; `shown` is how they are written, if else.

    :raises Refusal: the identity key is not kept.
    """
    keys = _keys(values)
    written = shown or values
    Identifier.objects.bulk_create(
        [
            Identifier(
                account_id=account_id,
                kind=kind,
                lookup=sealed.look_up(kind, value),
                sealed=sealed.seal(written[account_id], keys[account_id], f"{kind}/{account_id}"),
            )
            for account_id, value in values.items()
        ],
        update_conflicts=True,
        unique_fields=["account", "kind"],
        update_fields=["lookup", "sealed", "verified_at"],
    )


def _keys(account_ids: Collection[int]) -> dict[int, bytes]:
    """Return the keys of people, new ones for those who have none."""
    sealed.refuse_unkept()
    kept = PersonKey.objects.filter(account_id__in=account_ids).values_list("account_id", "sealed_key")
    keys = {account_id: sealed.unwrap(key, account_id) for account_id, key in kept}
    new = {account_id: sealed.new_key() for account_id in account_ids if account_id not in keys}
    PersonKey.objects.bulk_create(
        PersonKey(account_id=account_id, sealed_key=sealed.wrap(key, account_id)) for account_id, key in new.items()
    )
    return keys | new


def key_of(account_id: int) -> bytes:
    """Return a person's key, a new one where they have none.

    :raises Refusal: the identity key is not kept.
    """
    return _keys([account_id])[account_id]


def sign_out(account_ids: Collection[int]) -> None:
    """End all sessions of accounts and take their passwords: a session ends with the password that it began by."""
    changed = list(Account.objects.filter(id__in=account_ids))
    for each in changed:
        each.password = make_password(None)
    Account.objects.bulk_update(changed, ["password"])


def drop_second_factor(account_id: int) -> None:
    """Take the second factor and its recovery codes from an account."""
    Authenticator.objects.filter(user_id=account_id).delete()


def drop_sessions(account_id: int) -> None:
    """Delete the sessions that an account is named in, also those of a sign-in that was never finished."""
    number = str(account_id)
    store = SessionStore()
    named = [
        session.session_key
        for session in Session.objects.iterator()
        if number in _texts(store.decode(session.session_data))
    ]
    Session.objects.filter(session_key__in=named).delete()


def _texts(value: Any) -> set[str]:
    """Return all texts in a session, however deep."""
    if isinstance(value, dict):
        return set().union(*map(_texts, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(_texts, value)) if value else set()
    return {str(value)}


def give_phones(phones: Mapping[int, str]) -> list[int]:
    """Let accounts sign in by phones, given as + and digits, and return those whose phone is new, in order.

    A new phone takes the place of the old.

    :raises Refusal: a number signs in somebody else; the account is unknown, a merchant's own or one of the platform's
        people; the identity key is not kept.
    """
    locks.holders(phones)
    _check_people(phones)
    _check_free(phones)
    had = dict(Identifier.objects.filter(account_id__in=phones, kind="phone").values_list("account_id", "lookup"))
    new = {number: phone for number, phone in phones.items() if had.get(number) != sealed.look_up("phone", phone)}
    identify("phone", new)
    sign_out([number for number in new if number in had])
    return sorted(new)


def _check_people(account_ids: Iterable[int]) -> None:
    wanted = set(account_ids)
    if unknown := wanted - set(Account.objects.filter(id__in=wanted).values_list("id", flat=True)):
        message = say("There is no account {account}.")
        raise Refusal("account.unknown", message, field="account", account=str(min(unknown)))
    if Merchant.objects.filter(account_id__in=wanted).exists():
        message = say("This account is a merchant's, and a person has the phone. Seat that person at the merchant.")
        raise Refusal("phone.merchant", message, field="account")
    # A name is kept after a dismissal, and its owner may be appointed again.
    if (
        StaffRole.objects.filter(account_id__in=wanted).exists()
        or Identifier.objects.filter(account_id__in=wanted, kind="name").exists()
    ):
        message = say("The platform's people sign in by name, password and second factor, never by phone.")
        raise Refusal("phone.staff", message, field="account")


def _check_free(phones: Mapping[int, str]) -> None:
    owners: dict[str, int] = {}
    taken = [phone for number, phone in phones.items() if owners.setdefault(phone, number) != number]
    lookups = {sealed.look_up("phone", phone): phone for phone in owners}
    had = Identifier.objects.filter(kind="phone", lookup__in=lookups).values_list("lookup", "account_id")
    taken += [lookups[lookup] for lookup, number in had if owners[lookups[lookup]] != number]
    if taken:
        # Whose it is stays unsaid: a till is no place to ask about people by their phones.
        message = say("The phone number {phone} signs in somebody else already. Check it, or have it given up there.")
        raise Refusal("phone.taken", message, field="phone", phone=masked(min(taken)))
