"""Who signs in: the platform's people, phones, seats at merchants; and forgetting somebody."""

from typing import Annotated

import typer

from greenloop.cli import database, forgetting
from greenloop.cli.answer import Answer, moment, table, text
from greenloop.cli.app import RULES, command
from greenloop.cli.reading import At, now
from greenloop.cli.reading import number as read_number
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say

Holder = Annotated[
    str, typer.Argument(metavar="REF|ID", help=say("A member's or merchant's ref, or an account's number."))
]
Phone = Annotated[
    str, typer.Argument(metavar="PHONE", help=say("11 digits of a mainland mobile, or + and all digits."))
]


@command("staff", panel=RULES, help=say("Appoint the platform's people, or dismiss them; without a name, list them."))
def staff(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help=say("The name that they sign in by."))] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role", metavar="ROLE", help=say("operator, finance, risk, marketing, auditor or regulator; repeatable.")
        ),
    ] = None,
    new_password: Annotated[
        bool, typer.Option("--new-password", help=say("Begin again, after a loss: password and second factor."))
    ] = False,
    dismiss: Annotated[bool, typer.Option("--dismiss", help=say("Take all roles and the sign-in."))] = False,
    at: At = None,
) -> Answer:
    """List, appoint, renew or dismiss."""
    if name is None:
        if role or new_password or dismiss:
            raise Refusal("staff.name", say("Say whose roles or sign-in this is about."), field="NAME")
        return _listed()
    if dismiss:
        if role or new_password:
            raise Refusal("staff.dismiss", say("Dismiss somebody, or appoint them; one of them."), field="--dismiss")
        return _dismissed(name, at)
    return _appointed(name, role or [], at, new_password=new_password)


def _listed() -> Answer:
    database.reading()
    from greenloop.store.queries import people

    found = people.staff()
    facts = [
        {
            "account": str(row.account_id),
            "name": row.name,
            "roles": row.roles,
            "second_factor": row.has_second_factor,
            "signed_in_at": row.signed_in_at,
        }
        for row in found
    ]
    columns = [gettext("name"), gettext("roles"), gettext("second factor"), gettext("last sign-in"), gettext("account")]
    rows = [
        (
            row.name,
            _roles(row.roles) or gettext("dismissed"),
            gettext("yes") if row.has_second_factor else gettext("no"),
            moment(row.signed_in_at),
            row.account_id,
        )
        for row in found
    ]
    return Answer(facts, [table(gettext("The platform's people"), columns, rows)])


def _roles(roles: tuple[str, ...]) -> str:
    names = {
        "operator": gettext("operator"),
        "finance": gettext("finance"),
        "risk": gettext("risk"),
        "marketing": gettext("marketing"),
        "auditor": gettext("auditor"),
        "regulator": gettext("regulator"),
    }
    return ", ".join(names[role] for role in roles)


def _appointed(name: str, roles: list[str], at: str | None, *, new_password: bool) -> Answer:
    with database.writing():
        from greenloop.core.people import work_name
        from greenloop.services.people.staff import appoint_staff, draw_password
        from greenloop.store.queries import people

        shown = work_name.cleaned(name)
        known = people.account_by("name", work_name.found_by(shown))
        had = people.visitor(known).staff if known is not None else frozenset()
        # Who is new, or was dismissed, has no password.
        password = draw_password() if new_password or not had else None
        wanted = roles or (had if new_password else ())
        account_id = appoint_staff(name=shown, roles=sorted(wanted), at=now(at), password=password)
        held = tuple(sorted(people.visitor(account_id).staff))
    facts = {"account": str(account_id), "name": shown, "roles": held, "password": password}
    sentence = gettext("{name} may act as: {roles}.").format(name=shown, roles=_roles(held))
    told = [text(sentence)]
    if password:
        first = gettext("First password, shown this once: {password}").format(password=password)
        told += [text(first, "bold"), text(gettext("The second factor is set up at the first sign-in."))]
    return Answer(facts, told)


def _dismissed(name: str, at: str | None) -> Answer:
    with database.writing():
        from greenloop.services.people.staff import dismiss_staff

        account_id = dismiss_staff(name=name, at=now(at))
    sentence = gettext("{name} can't sign in any more; the name stays beside what was decided.").format(name=name)
    return Answer({"account": str(account_id), "dismissed": True}, [text(sentence)])


@command("phone", panel=RULES, help=say("Let a member sign in by a phone; a new one takes the place of the old."))
def phone(holder: Holder, number: Phone) -> Answer:
    """Give a member a phone."""
    with database.writing():
        from greenloop.core.people.phone import masked, normalised
        from greenloop.services.people.sign_in import PhoneForm, give_phones

        account_id = _account(holder)
        give_phones(forms=[PhoneForm(account_id=account_id, phone=number)], at=now())
        shown = masked(normalised(number))
    sentence = gettext("{holder} signs in by {phone}.").format(holder=holder, phone=shown)
    return Answer({"account": str(account_id), "phone": shown}, [text(sentence)])


@command("seat", panel=RULES, help=say("Let somebody sign in to a merchant's pages by phone, as owner or clerk."))
def seat(
    merchant: Annotated[str, typer.Argument(help=say("The merchant's ref."))],
    number: Phone,
    clerk: Annotated[bool, typer.Option("--clerk", help=say("As a clerk, not as the owner."))] = False,
    end: Annotated[bool, typer.Option("--end", help=say("Take the seat away again."))] = False,
    at: At = None,
) -> Answer:
    """Seat whoever has the phone at a merchant, or end it."""
    if end:
        return _unseated(merchant, number, at)
    relation = "clerk" if clerk else "owner"
    with database.writing():
        from greenloop.core.people.phone import masked, normalised
        from greenloop.services.people import sign_in

        account_id = sign_in.seat(merchant=merchant, phone=number, relation=relation, at=now(at))
        shown = masked(normalised(number))
    as_clerk, as_owner = (
        gettext("{phone} acts for {merchant} as clerk."),
        gettext("{phone} acts for {merchant} as owner."),
    )
    sentence = (as_clerk if clerk else as_owner).format(phone=shown, merchant=merchant)
    return Answer({"account": str(account_id), "merchant": merchant, "relation": relation}, [text(sentence)])


def _unseated(merchant: str, number: str, at: str | None) -> Answer:
    with database.writing():
        from greenloop.core.people.phone import masked, normalised
        from greenloop.services.people.sign_in import end_seat

        account_id = end_seat(merchant=merchant, phone=number, at=now(at))
        shown = masked(normalised(number))
    sentence = gettext("{phone} has no seat at {merchant} any more.").format(phone=shown, merchant=merchant)
    return Answer({"account": str(account_id), "merchant": merchant, "ended": True}, [text(sentence)])


@command(
    "forget", panel=RULES, help=say("Forget a person: phone, name and sign-in are destroyed, the books stay whole.")
)
def forget(
    holder: Annotated[
        str | None,
        typer.Argument(metavar="REF|ID", help=say("A member's or merchant's ref, or an account's number.")),
    ] = None,
    *,
    again: Annotated[
        bool, typer.Option("--again", help=say("Forget again whom an older copy of the database has brought back."))
    ] = False,
    archive: Annotated[
        str | None,
        typer.Option("--from", metavar="FOLDER", help=say("With --again: the archive whose list counts as well.")),
    ] = None,
) -> Answer:
    """Forget the person behind an account, for good; or those again whom the list of the forgotten names."""
    if (holder is None) != again or (archive is not None and not again):
        message = say("Name one person, or say --again, with --from FOLDER where the archive lies elsewhere.")
        raise Refusal("forget.who", message, field="REF|ID")
    return forgetting.by_hand(archive) if holder is None else _forgotten(holder)


def _forgotten(holder: str) -> Answer:
    with database.writing():
        from greenloop.services.people.forget import forget as forget_person

        account_id = _account(holder)
        known = forget_person(account_id=account_id, at=now())
    forgotten = gettext("What was known of the person behind account {account} is destroyed; the books stay whole.")
    nothing = gettext("Nothing was known of a person behind account {account}.")
    sentence = (forgotten if known else nothing).format(account=account_id)
    return Answer({"account": str(account_id), "forgotten": known}, [text(sentence)])


def _account(holder: str) -> int:
    """Return an account by the ref of its holder, or by its number: seats and staff have no other."""
    from greenloop.store.queries import lookups

    try:
        return lookups.holder(holder).account_id
    except Refusal:
        if holder.isascii() and holder.isdigit():
            return read_number(holder, "holder")
        raise
