"""Members, merchants, their rate cards, and what is held."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import typer

from greenloop.cli import database
from greenloop.cli.answer import Answer, count, moment, text
from greenloop.cli.app import RULES, command
from greenloop.cli.proposing import Maker, Reason, proposed
from greenloop.cli.reading import At, By, instant, malformed, moment_of, now, number, percent_ppm, records
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say
from greenloop.core.money import PPM
from greenloop.core.people.phone import normalised
from greenloop.core.reading import Fields

BATCH = 1_000
MEMBER = {"ref": str, "city": str, "enrolled_at": str, "referrer": str, "phone": str}
MERCHANT = {
    "ref": str,
    "city": str,
    "enrolled_at": str,
    "rate_ppm": int,
    "grade": str,
    "multiple_ppm": int,
    "shops": tuple,
    "linked": tuple,
    "accepts_coupons": bool,
}
Form = TypeVar("Form")


@command("enrol", panel=RULES, help=say("Enrol members and merchants from files (JSON Lines or CSV)."))
def enrol(
    merchants: Annotated[
        str | None,
        typer.Option("--merchants", metavar="FILE", help=say("Merchants: ref, city, enrolled_at, rate_ppm …")),
    ] = None,
    members: Annotated[
        str | None,
        typer.Option("--members", metavar="FILE", help=say("Members: ref, city, enrolled_at, referrer, phone.")),
    ] = None,
    at: At = None,
) -> Answer:
    """Enrol members first, for merchants may be linked to them; in batches that each stand or fall whole."""
    if not (merchants or members):
        raise Refusal("enrol.none", say("Name a file of members or of merchants."), field="--members")
    with database.writing():
        from greenloop.services.people.enrol import MemberForm, MerchantForm, enrol_members, enrol_merchants

        present = now(at)
        found_members = records(members, MEMBER, lambda fields, _: MemberForm(**_member(fields))) if members else None
        found_merchants = (
            records(merchants, MERCHANT, lambda fields, line: MerchantForm(**_merchant(fields, line)))
            if merchants
            else None
        )
        for found in (found_members, found_merchants):
            if found and found.faults:
                return malformed(found)
        enrolled: dict[str, dict[str, int]] = {"members": {}, "merchants": {}}
        for batch in _batches([form for _, form in found_members.found] if found_members else []):
            enrolled["members"] |= enrol_members(forms=batch, at=present)
        for shops in _batches([form for _, form in found_merchants.found] if found_merchants else []):
            enrolled["merchants"] |= enrol_merchants(forms=shops, at=present)
    facts = {kind: {ref: str(identity) for ref, identity in ids.items()} for kind, ids in enrolled.items()}
    sentence = gettext("{members} members and {merchants} merchants are enrolled.")
    counts = {kind: count(len(ids)) for kind, ids in enrolled.items()}
    return Answer(facts, [text(sentence.format(**counts))])


def _batches(forms: list[Form]) -> list[list[Form]]:
    return [forms[start : start + BATCH] for start in range(0, len(forms), BATCH)]


def _member(fields: Fields) -> dict[str, Any]:
    return {
        "ref": fields.text("ref", length_max=64),
        "city": fields.text("city", length_max=64),
        "enrolled_at": moment_of(fields, "enrolled_at"),
        "referrer": fields.maybe_text("referrer", length_max=64) if fields.has("referrer") else None,
        "phone": _phone(fields),
    }


def _phone(fields: Fields) -> str | None:
    """Read the phone that a member signs in by, if one is named; a fault is kept in `fields`."""
    written = fields.maybe_text("phone", length_max=64) if fields.has("phone") else None
    try:
        return normalised(written) if written else None
    except Refusal as refusal:
        fields.take([refusal])
        return None


def _merchant(fields: Fields, line: Mapping[str, Any]) -> dict[str, Any]:
    form: dict[str, Any] = {
        "ref": fields.text("ref", length_max=64),
        "city": fields.text("city", length_max=64),
        "enrolled_at": moment_of(fields, "enrolled_at"),
        "rate_ppm": fields.whole("rate_ppm"),
        "shops": tuple(sorted(fields.maybe_texts("shops") or ())),
        "linked": tuple(sorted(fields.maybe_texts("linked") or ())),
    }
    if fields.has("grade"):
        form["grade"] = fields.text("grade", length_max=16)
    if fields.has("multiple_ppm"):
        form["multiple_ppm"] = fields.whole("multiple_ppm", least=0, most=100 * PPM)
    if fields.has("accepts_coupons"):
        form["accepts_coupons"] = line["accepts_coupons"]
    return form


@command("rate", panel=RULES, help=say("Give a merchant a new rate card (3 to 20 %) from an instant on."))
def rate(  # noqa: PLR0917
    merchant: Annotated[str, typer.Argument(help=say("The merchant's ref."))],
    percent: Annotated[str, typer.Argument(help=say("The concession rate in percent, such as 8 or 8.25."))],
    effective: Annotated[
        str | None, typer.Option("--from", metavar="INSTANT", help=say("From when on it is in force, if not from now."))
    ] = None,
    by: Maker = None,
    reason: Reason = None,
    at: At = None,
) -> Answer:
    """Set a rate card, or propose it once the platform has people; orders keep the rate of the time they were paid."""
    rate_ppm = percent_ppm(percent, "percent")
    with database.writing():
        from greenloop.services.people.enrol import set_rate
        from greenloop.store.queries import trust

        present = now(at)
        named = instant(effective, "--from") if effective else None
        from_at = named or present
        if trust.has_staff():
            content = {"merchant": merchant, "rate_ppm": rate_ppm, "valid_from_at": from_at.isoformat()}
            return proposed(kind="rate.set", content=content, from_at=named, reason=reason, by=by, at=present)
        set_rate(merchant=merchant, rate_ppm=rate_ppm, valid_from_at=from_at, at=present)
    sentence = gettext("{merchant} concedes {rate} from {moment} on.")
    facts = {"merchant": merchant, "rate_ppm": rate_ppm, "valid_from_at": from_at}
    shown = sentence.format(merchant=merchant, rate=f"{rate_ppm / 10_000:g} %", moment=moment(from_at))
    return Answer(facts, [text(shown)])


@command("hold", panel=RULES, help=say("Hold an order (it won't vest) or an account (it can't draw or spend)."))
def hold(
    by: By,
    reason: Annotated[str, typer.Option("--reason", help=say("Why."))],
    order: Annotated[str | None, typer.Option("--order", metavar="ID", help=say("The order's number."))] = None,
    holder: Annotated[str | None, typer.Option("--holder", metavar="REF|ID", help=say("Whose account."))] = None,
    at: At = None,
) -> Answer:
    """Place a hold and show its number, by which it is released."""
    if (order is None) == (holder is None):
        raise Refusal("hold.target", say("Name an order or a holder, one of them."), field="--order")
    with database.writing():
        from greenloop.services.loop import hold as holds
        from greenloop.store.queries import lookups

        if order is not None:
            placed = holds.hold_order(order_id=number(order, "--order"), reason=reason, by=by, at=now(at))
        else:
            account_id = lookups.holder(holder or "").account_id
            placed = holds.hold_account(account_id=account_id, reason=reason, by=by, at=now(at))
    sentence = gettext("Held under number {hold}. Release it with: greenloop release {hold}")
    return Answer({"hold": str(placed)}, [text(sentence.format(hold=placed))])


@command("release", panel=RULES, help=say("Release a hold."))
def release(
    hold: Annotated[str, typer.Argument(help=say("The hold's number."))],
    by: By,
    at: At = None,
) -> Answer:
    """Release a hold by its number."""
    with database.writing():
        from greenloop.services.loop import hold as holds

        holds.release(hold_id=number(hold, "hold"), by=by, at=now(at))
    return Answer({"released": hold}, [text(gettext("Hold {hold} is released.").format(hold=hold))])
