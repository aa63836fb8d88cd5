"""What members and merchants sign in by: a phone, and a seat at a merchant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.core.people.phone import normalised
from greenloop.services.again import begun_again
from greenloop.services.people import steps
from greenloop.services.trust.acting import now_acting
from greenloop.services.trust.steps import note
from greenloop.services.verb import verb
from greenloop.store import locks, sealed
from greenloop.store.models import Identifier, Merchant, MerchantLink

RELATIONS = ("owner", "clerk")


@dataclass(frozen=True, slots=True)
class PhoneForm:
    """The phone that an account signs in by, however it is written."""

    account_id: int
    phone: str


@begun_again
@verb
def give_phones(*, forms: Sequence[PhoneForm], at: datetime) -> None:
    """Let people sign in by a phone, all or none. A new phone takes the place of the old, whose sessions end.

    :raises Refusal: a number can't be read or signs in somebody else; the account is unknown, a merchant's own or one
        of the platform's people; the identity key is not kept.
    """
    given = steps.give_phones({form.account_id: normalised(form.phone) for form in forms})
    people = [f"account/{number}" for number in given]
    # Who gives a phone to themselves does nothing that others couldn't.
    if people and people != [now_acting().actor]:
        about, rest = people[0], people[1:]
        note(act="phone.give", about=about, detail={"also": rest} if rest else {}, at=at)


@verb
def verify_phone(*, account_id: int, at: datetime) -> None:
    """Note that an account's phone has been signed in by, the first time that it happens."""
    Identifier.objects.filter(account_id=account_id, kind="phone", verified_at=None).update(verified_at=at)


@begun_again
@verb
def seat(*, merchant: str, phone: str, relation: str, at: datetime) -> int:
    """Let the person with a phone sign in to a merchant's pages, as its owner or as a clerk; return their account.

    A number that nobody has gets an account of its own. That person's vouchers are refused at the merchant from now on
    (G6). Asked again, the relation is set.

    :raises Refusal: the merchant is unknown, the relation is neither, or the number can't be read; the identity key is
        not kept.
    """
    if relation not in RELATIONS:
        message = say("A seat is that of an owner or a clerk.")
        raise Refusal("seat.relation", message, field="relation")
    found = Merchant.objects.filter(ref=merchant).first()
    if not found:
        raise Refusal("merchant.unknown", say("The merchant {ref} is not enrolled."), field="merchant", ref=merchant)
    number = normalised(phone)
    known = Identifier.objects.filter(kind="phone", lookup=sealed.look_up("phone", number)).first()
    account_id = known.account_id if known else steps.account(at).id
    if not known:
        steps.identify("phone", {account_id: number})
    locks.holders([account_id])
    MerchantLink.objects.update_or_create(merchant=found, account_id=account_id, defaults={"relation": relation})
    detail = {"account": str(account_id), "relation": relation}
    note(act="seat.give", about=f"merchant/{found.id}", detail=detail, at=at)
    return account_id


@verb
def end_seat(*, merchant: str, phone: str, at: datetime) -> int:
    """Take the seat at a merchant from the person with a phone, and return their account.

    Their sign-in and what they have stay theirs; their vouchers are good at the merchant again.

    :raises Refusal: the number can't be read, or nobody with it has a seat there.
    """
    lookup = sealed.look_up("phone", normalised(phone))
    known = Identifier.objects.filter(kind="phone", lookup=lookup).first()
    seats = MerchantLink.objects.filter(merchant__ref=merchant, relation__in=RELATIONS)
    seat_of = seats.filter(account_id=known.account_id).first() if known else None
    if seat_of is None:
        message = say("Nobody with this phone has a seat at {merchant}.")
        raise Refusal("seat.unknown", message, field="phone", merchant=merchant)
    seat_of.delete()
    detail = {"account": str(seat_of.account_id), "relation": seat_of.relation}
    note(act="seat.end", about=f"merchant/{seat_of.merchant_id}", detail=detail, at=at)
    return seat_of.account_id
