"""Enrol members and merchants, and set rate cards. The same asked twice is done once; other facts are refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.core.loop.concession import check_rate
from greenloop.core.people import refs
from greenloop.core.people.phone import normalised
from greenloop.core.trust.words import check_copy
from greenloop.services import ids
from greenloop.services.again import begun_again
from greenloop.services.people import rates, steps
from greenloop.services.trust.steps import note
from greenloop.services.verb import verb
from greenloop.store import locks, sealed
from greenloop.store.models import (
    Account,
    ClientMember,
    Identifier,
    Member,
    Merchant,
    MerchantLink,
    RateCard,
    Shop,
)


@dataclass(frozen=True, slots=True)
class MemberForm:
    """A shopper to enrol; `referrer` is the ref of the member who brought it, `phone` what it signs in by, if any."""

    ref: str
    city: str
    enrolled_at: datetime
    referrer: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class MerchantForm:
    """A merchant to enrol with its first rate card, its stores and the members whose vouchers it must refuse."""

    ref: str
    city: str
    enrolled_at: datetime
    rate_ppm: int
    grade: str = "A"
    multiple_ppm: int = 1_000_000
    shops: tuple[str, ...] = ()
    linked: tuple[str, ...] = ()
    accepts_coupons: bool = True


@begun_again
@verb
def enrol_members(*, forms: Sequence[MemberForm], at: datetime, client_id: int | None = None) -> dict[str, int]:
    """Enrol members, all or none, and return their account ids by ref.

    A referrer is enrolled already or stands earlier in the same call. A client through which they enrol may read what
    they have; who has enrolled otherwise before isn't its own by being named again.

    :raises Refusal: a ref is no good, or known with other facts; a referrer is unknown; a phone can't be read, signs in
        somebody else, or is named for who didn't enrol through the client, or has another; the identity key is not
        kept.
    """
    known = {
        member.ref: member for member in Member.objects.filter(ref__in=_refs(forms, [form.referrer for form in forms]))
    }
    found = {ref: member.account_id for ref, member in known.items()}
    new = [form for form in {form.ref: form for form in reversed(forms)}.values() if form.ref not in known][::-1]
    found.update(zip((form.ref for form in new), ids.block(len(new)), strict=True))
    place = {form.ref: number for number, form in enumerate(new)}
    _check_repeats(forms, "member.known")
    for form in forms:
        _check_member(form, known, found, place)
    if client_id is not None:
        _check_phones(forms, known, client_id)
    Account.objects.bulk_create(_account(found[form.ref], at) for form in new)
    Member.objects.bulk_create(
        Member(
            account_id=found[form.ref],
            ref=form.ref,
            city=form.city,
            enrolled_at=form.enrolled_at,
            referrer_id=found[form.referrer] if form.referrer else None,
        )
        for form in new
    )
    if client_id is not None:
        ClientMember.objects.bulk_create(ClientMember(client_id=client_id, account_id=found[form.ref]) for form in new)
    if phones := {found[form.ref]: normalised(form.phone) for form in forms if form.phone}:
        given = [f"account/{number}" for number in steps.give_phones(phones)]
        if given and client_id is not None:
            note(act="phone.give", about=given[0], detail={"also": given[1:]} if given[1:] else {}, at=at)
    return {form.ref: found[form.ref] for form in forms}


def _check_repeats(forms: Sequence[MemberForm] | Sequence[MerchantForm], code: str) -> None:
    """Refuse two forms of one call that say different things of one ref."""
    seen: dict[str, MemberForm | MerchantForm] = {}
    for form in forms:
        if seen.setdefault(form.ref, form) != form:
            message = say("The ref {ref} stands twice in this call, with different facts.")
            raise Refusal(code, message, field="ref", ref=form.ref)


def _refs(forms: Sequence[MemberForm], referrers: Sequence[str | None]) -> set[str]:
    return {form.ref for form in forms} | {ref for ref in referrers if ref}


def _account(number: int, created_at: datetime) -> Account:
    account = Account(id=number, created_at=created_at)
    account.set_unusable_password()
    return account


def _check_member(form: MemberForm, known: dict[str, Member], found: dict[str, int], place: dict[str, int]) -> None:
    if not form.ref:
        raise Refusal("member.ref", say("A member needs a ref. Give the member's number in your system."), field="ref")
    refs.check(form.ref, "member.ref")
    referrer_id = found.get(form.referrer) if form.referrer else None
    earlier_in_call = form.referrer in known or place.get(form.referrer or "", 0) < place.get(form.ref, len(place))
    if form.referrer and (referrer_id is None or form.referrer == form.ref or not earlier_in_call):
        raise Refusal(
            "member.referrer",
            say("The referrer {referrer} of {ref} is not enrolled. Enrol the referrer first."),
            field="referrer",
            referrer=form.referrer,
            ref=form.ref,
        )
    member = known.get(form.ref)
    if member and (member.city, member.referrer_id, member.enrolled_at) != (form.city, referrer_id, form.enrolled_at):
        raise Refusal(
            "member.known",
            say("The member {ref} is enrolled with other facts. Choose another ref."),
            field="ref",
            ref=form.ref,
        )


def _check_phones(forms: Sequence[MemberForm], known: dict[str, Member], client_id: int) -> None:
    """Keep a client from naming the phone by which somebody signs in already: it would be their account.

    For who enrolled elsewhere also the phone that they have is refused, so that nobody learns which one it is.
    """
    named = {known[form.ref].account_id: form.ref for form in forms if form.phone and form.ref in known}
    own = ClientMember.objects.filter(client_id=client_id, account_id__in=named).values_list("account_id", flat=True)
    if others := set(named) - set(own):
        message = say("The member {ref} enrolled elsewhere, and its phone is not yours to name. Leave the phone out.")
        raise Refusal("phone.elsewhere", message, field="phone", ref=min(named[each] for each in others))
    # Of two that name a first phone at once, the later one sees the earlier's.
    locks.holders(named)
    said = {form.ref: sealed.look_up("phone", normalised(form.phone)) for form in forms if form.phone}
    had = Identifier.objects.filter(account_id__in=named, kind="phone").values_list("account_id", "lookup")
    if changed := [named[account_id] for account_id, lookup in had if said[named[account_id]] != lookup]:
        message = say("The member {ref} has another phone already, and changes it without you. Leave the phone out.")
        raise Refusal("phone.known", message, field="phone", ref=min(changed))


@begun_again
@verb
def enrol_merchants(*, forms: Sequence[MerchantForm], at: datetime) -> dict[str, int]:
    """Enrol merchants with their first rate cards and stores, all or none, and return their ids by ref.

    :raises Refusal: a rate is outside 3–20 %; a ref is no good, or known with other facts; a linked member is unknown;
        a name promises a return (G12).
    """
    for form in forms:
        check_rate(form.rate_ppm)
        if not form.ref:
            raise Refusal("merchant.ref", say("A merchant needs a ref. Give its number in your system."), field="ref")
        refs.check(form.ref, "merchant.ref")
        for shop in form.shops:
            refs.check(shop, "shop.ref")
            check_copy(shop, "shops")
        for field, written in (("ref", form.ref), ("city", form.city), ("grade", form.grade)):
            check_copy(written, field)
    _check_repeats(forms, "merchant.known")
    known = _known_merchants(forms)
    for form in forms:
        if form.ref in known and known[form.ref][1] != form:
            message = say("The merchant {ref} is enrolled with other facts. Choose another ref.")
            raise Refusal("merchant.known", message, field="ref", ref=form.ref)
    new = {form.ref: form for form in forms if form.ref not in known}
    numbers = dict(zip(new, ids.block(len(new)), strict=True))
    _write_merchants(list(new.values()), numbers, at)
    return {form.ref: known[form.ref][0] if form.ref in known else numbers[form.ref] for form in forms}


def _known_merchants(forms: Sequence[MerchantForm]) -> dict[str, tuple[int, MerchantForm]]:
    """Return the merchants that are enrolled already, with the forms they were enrolled by.

    Owners and clerks are seated later: they count as linked only where a form says that they were from the start.
    """
    asked = {form.ref: form.linked for form in forms}
    merchants = list(Merchant.objects.filter(ref__in=asked))
    ids_ = [merchant.id for merchant in merchants]
    rates = {
        (card.merchant_id, card.valid_from_at): card.rate_ppm for card in RateCard.objects.filter(merchant_id__in=ids_)
    }
    shops = list(Shop.objects.filter(merchant_id__in=ids_).order_by("id").values_list("merchant_id", "ref"))
    links = list(
        MerchantLink.objects.filter(merchant_id__in=ids_)
        .order_by("id")
        .values_list("merchant_id", "account_id", "relation")
    )
    refs_of = dict(
        Member.objects.filter(account_id__in=[account for _, account, _ in links]).values_list("account_id", "ref")
    )
    return {
        merchant.ref: (
            merchant.id,
            MerchantForm(
                merchant.ref,
                merchant.city,
                merchant.enrolled_at,
                rates[merchant.id, merchant.enrolled_at],
                merchant.grade,
                merchant.multiple_ppm,
                tuple(ref for owner, ref in shops if owner == merchant.id),
                tuple(
                    refs_of[account]
                    for owner, account, relation in links
                    if owner == merchant.id and (relation == "linked" or refs_of.get(account) in asked[merchant.ref])
                ),
                merchant.accepts_coupons,
            ),
        )
        for merchant in merchants
    }


def _write_merchants(forms: Sequence[MerchantForm], numbers: dict[str, int], at: datetime) -> None:
    members = dict(
        Member.objects.filter(ref__in=[ref for form in forms for ref in form.linked]).values_list("ref", "account_id")
    )
    for form in forms:
        for ref in form.linked:
            if ref not in members:
                raise Refusal(
                    "merchant.linked",
                    say("The linked member {ref} is not enrolled. Enrol the member first."),
                    field="linked",
                    ref=ref,
                )
    # A merchant's points belong to an account of its own, which carries the merchant's number.
    Account.objects.bulk_create(_account(numbers[form.ref], at) for form in forms)
    Merchant.objects.bulk_create(
        Merchant(
            id=numbers[form.ref],
            account_id=numbers[form.ref],
            ref=form.ref,
            city=form.city,
            grade=form.grade,
            multiple_ppm=form.multiple_ppm,
            accepts_coupons=form.accepts_coupons,
            enrolled_at=form.enrolled_at,
        )
        for form in forms
    )
    RateCard.objects.bulk_create(
        RateCard(merchant_id=numbers[form.ref], rate_ppm=form.rate_ppm, valid_from_at=form.enrolled_at)
        for form in forms
    )
    Shop.objects.bulk_create(Shop(merchant_id=numbers[form.ref], ref=ref) for form in forms for ref in form.shops)
    MerchantLink.objects.bulk_create(
        MerchantLink(merchant_id=numbers[form.ref], account_id=members[ref], relation="linked")
        for form in forms
        for ref in form.linked
    )


@begun_again
@verb
def add_shop(*, merchant: str, ref: str, at: datetime) -> bool:
    """Add a store to a merchant, once; tell whether it is new.

    :raises Refusal: the merchant is unknown, or the ref can't stand in an address.
    """
    refs.check(ref, "shop.ref")
    found = Merchant.objects.filter(ref=merchant).first()
    if found is None:
        raise Refusal("merchant.unknown", say("The merchant {ref} is not enrolled."), field="merchant", ref=merchant)
    _, new = Shop.objects.get_or_create(merchant=found, ref=ref)
    if new:
        note(act="shop.add", about=f"merchant/{found.id}", detail={"shop": ref}, at=at)
    return new


@begun_again
@verb
def set_rate(*, merchant: str, rate_ppm: int, valid_from_at: datetime, at: datetime) -> None:
    """Give a merchant a new rate card from an instant on; orders keep the rate of the time they were paid.

    :raises Refusal: the rate is outside 3–20 %, the merchant is unknown, or the instant is past.
    """
    card = rates.checked(merchant=merchant, rate_ppm=rate_ppm, valid_from_at=valid_from_at, at=at)
    if rates.write(card, at=at):
        detail = {"rate_ppm": rate_ppm, "valid_from_at": valid_from_at.isoformat()}
        note(act="rate.set", about=f"merchant/{card.merchant_id}", detail=detail, at=at)
