"""What two people may change together: for each kind of proposal who may, and how its content is checked and done.

Preparing writes nothing. A proposal is prepared when it is made and again when it is approved, so what is found in
order at first and what is done in the end are decided by the same code.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from greenloop.core import instants
from greenloop.core.faults import Refusal, say
from greenloop.core.loop.rules import NOTICE, document_of
from greenloop.core.money import AMOUNT_FEN_MAX
from greenloop.core.reading import Fields
from greenloop.services.books import deposits
from greenloop.services.books.reconciling import closing
from greenloop.services.loop import minting
from greenloop.services.loop.refunding import advance
from greenloop.services.loop.rules import checked_rules, write_rules
from greenloop.services.people import keys, rates, reach
from greenloop.store.queries.lookups import written_id

Content = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: `outcome` is kept, `shown` is for who approved it, once, and never kept."""

    outcome: str
    shown: object = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change that could be made as things stand: what it is about, its whole content, and how it is made."""

    about: str
    content: Content
    carry_out: Callable[[str, datetime], Done]


@dataclass(frozen=True, slots=True)
class Executor:
    """One kind of proposal: the roles that propose it, the roles that decide on it, and what prepares it.

    `prepare` is given the content and the instant, writes nothing, and refuses what can't be done.
    """

    proposers: frozenset[str]
    deciders: frozenset[str]
    prepare: Callable[[Content, datetime], Change]


def _rules(content: Content, at: datetime) -> Change:
    fields = Fields(content)
    fields.only(("document", "effective_at"))
    document = content.get("document")
    if not isinstance(document, dict):
        fields.fault("document", say("{field_name} must be an object."))
        document = {}
    effective_at = _instant(fields, "effective_at")
    fields.check()
    if effective_at < at + NOTICE:
        message = say("Rules are published {days} days ahead. Choose an instant from {earliest} on.")
        raise Refusal("rules.notice", message, field="effective_at", days=NOTICE.days, earliest=at + NOTICE)
    draft = checked_rules(document=document, effective_at=effective_at)
    if draft.earlier_id is not None:
        nothing("document")
    whole = {"document": document_of(draft.rules), "effective_at": effective_at.isoformat()}
    return Change("rules", whole, lambda by, now: Done(f"rules/{write_rules(draft, by=by, at=now)}"))


def _rate(content: Content, at: datetime) -> Change:
    fields = Fields(content)
    fields.only(("merchant", "rate_ppm", "valid_from_at"))
    merchant, rate_ppm = fields.text("merchant", length_max=64), fields.whole("rate_ppm")
    valid_from_at = _instant(fields, "valid_from_at")
    fields.check()
    card = rates.checked(merchant=merchant, rate_ppm=rate_ppm, valid_from_at=valid_from_at, at=at)
    if card.known:
        nothing("rate_ppm")

    def carry_out(by: str, now: datetime) -> Done:
        del by
        rates.write(card, at=now)
        return Done(f"merchant/{card.merchant_id}")

    whole = {"merchant": merchant, "rate_ppm": rate_ppm, "valid_from_at": valid_from_at.isoformat()}
    return Change(f"merchant/{card.merchant_id}", whole, carry_out)


def _correction(content: Content, at: datetime) -> Change:
    """Prepare the one correction there is: what the platform advances so that a pending refund is paid."""
    fields = Fields(content)
    fields.only(("what", "merchant", "order_no", "refund_no", "amount_fen"))
    fields.choice("what", ("advance",))
    told = {name: fields.text(name, length_max=64) for name in ("merchant", "order_no", "refund_no")}
    amount_fen = fields.whole("amount_fen", least=1, most=AMOUNT_FEN_MAX)
    fields.check()
    found = advance.checked(**told, amount_fen_max=amount_fen, at=at)

    def carry_out(by: str, now: datetime) -> Done:
        del by
        advance.write(found, at=now)
        return Done(f"{found.amount_fen} fen advanced")

    return Change(f"merchant/{found.merchant_id}", {"what": "advance", **told, "amount_fen": amount_fen}, carry_out)


def _deposit(content: Content, at: datetime) -> Change:
    """Prepare money that a merchant has brought: who approves it looks for it on a statement of the custody account."""
    del at
    fields = Fields(content)
    fields.only(("merchant", "deposit_no", "amount_fen"))
    merchant, deposit_no = fields.text("merchant", length_max=64), fields.text("deposit_no", length_max=64)
    amount_fen = fields.whole("amount_fen", least=1, most=AMOUNT_FEN_MAX)
    fields.check()
    brought = deposits.checked(merchant=merchant, deposit_no=deposit_no, amount_fen=amount_fen)
    if brought.known is not None:
        nothing("deposit_no")

    def carry_out(by: str, now: datetime) -> Done:
        del by
        return Done(f"deposit/{deposits.write(brought, at=now)}")

    whole = {"merchant": merchant, "deposit_no": deposit_no, "amount_fen": amount_fen}
    return Change(f"merchant/{brought.merchant_id}", whole, carry_out)


def _key(content: Content, at: datetime) -> Change:
    """Prepare a new key for a client; its secret is shown to who approves it, once.

    The merchants that the client acts for are part of what is proposed: who approves a key has seen what it opens.
    """
    fields = Fields(content)
    fields.only(("client", "scopes", "must_sign", "revokes", "merchants"))
    client = fields.text("client", length_max=64)
    scopes = fields.maybe_texts("scopes") or frozenset()
    must_sign, revokes = fields.choice("must_sign", ("yes", "no")), fields.maybe_text("revokes", length_max=19)
    seen = content.get("merchants")
    fields.check()
    draft = keys.checked(
        client=client,
        scopes=scopes,
        must_sign=must_sign == "yes",
        life=keys.LIFE,
        revokes=None if revokes is None else written_id(revokes),
        at=at,
    )

    def carry_out(by: str, now: datetime) -> Done:
        made = keys.write(draft, by=by, at=now)
        return Done(f"key/{made.id}", {"key_id": str(made.id), "token": made.token})

    if seen is not None and seen != list(draft.merchants):
        message = say("The client {name} acts for other merchants than those named. Propose the key again.")
        raise Refusal("client.changed", message, field="merchants", name=client)
    whole = {"client": client, "scopes": sorted(scopes), "must_sign": must_sign, "revokes": revokes}
    return Change(f"client/{draft.client_id}", whole | {"merchants": list(draft.merchants)}, carry_out)


def _extend(content: Content, at: datetime) -> Change:
    """Prepare that a partner acts for more merchants: its keys open them at once."""
    del at
    fields = Fields(content)
    fields.only(("client", "merchants"))
    client = fields.text("client", length_max=64)
    merchants = fields.maybe_texts("merchants") or frozenset()
    fields.check()
    found = reach.checked(client=client, merchants=merchants)
    if not found.added:
        nothing("merchants")

    def carry_out(by: str, now: datetime) -> Done:
        del by, now
        reach.write(found)
        return Done(f"{len(found.added)} merchants added")

    return Change(f"client/{found.client_id}", {"client": client, "merchants": sorted(merchants)}, carry_out)


def _case(content: Content, at: datetime) -> Change:
    """Prepare that a case is closed as it stands: its difference is part of what is proposed, and moves nothing."""
    del at
    fields = Fields(content)
    fields.only(("case", "outcome", "expected_fen", "found_fen"))
    case, outcome = fields.whole("case", least=1), fields.text("outcome", length_max=closing.OUTCOME_MAX)
    fields.check()
    found = closing.checked(case=case, outcome=outcome)

    def carry_out(by: str, now: datetime) -> Done:
        closing.write(found, by=by, at=now)
        return Done(f"case/{found.id}")

    whole = {"case": case, "outcome": found.outcome, "expected_fen": found.expected_fen, "found_fen": found.found_fen}
    return Change(f"case/{case}", whole, carry_out)


def _stop(content: Content, at: datetime) -> Change:
    """Prepare that purchases make points no more, from an instant on or as soon as another person has approved it."""
    return _turn(content, at, mints=False)


def _resume(content: Content, at: datetime) -> Change:
    """Prepare that purchases make points again, seven days ahead at least."""
    return _turn(content, at, mints=True)


def _turn(content: Content, at: datetime, *, mints: bool) -> Change:
    fields = Fields(content)
    fields.only(("effective_at",))
    effective_at = None if content.get("effective_at") is None else _instant(fields, "effective_at")
    fields.check()
    draft = minting.checked(mints=mints, effective_at=effective_at, at=at)
    whole = {"effective_at": None if effective_at is None else effective_at.isoformat()}
    return Change("minting", whole, lambda by, now: Done(f"minting/{minting.write(draft, by=by, at=now)}"))


def nothing(field: str) -> None:
    """Refuse what would change nothing.

    :raises Refusal: always.
    """
    message = say("This stands already as you propose it; there is nothing to change.")
    raise Refusal("proposal.nothing", message, field=field)


def _instant(fields: Fields, key: str) -> datetime:
    """Read an instant; a fault is kept in `fields`."""
    written = fields.text(key, length_max=40)
    if found := instants.read(written):
        return found
    if written:
        fields.fault(key, say("{field_name} must be an instant with its offset, such as 2026-01-31T18:05:00+08:00."))
    return datetime(2000, 1, 1, tzinfo=UTC)


EXECUTORS: dict[str, Executor] = {
    "rules.publish": Executor(frozenset({"operator", "finance"}), frozenset({"operator", "finance"}), _rules),
    "mint.stop": Executor(frozenset({"operator", "finance"}), frozenset({"operator", "finance"}), _stop),
    "mint.resume": Executor(frozenset({"operator", "finance"}), frozenset({"operator", "finance"}), _resume),
    "rate.set": Executor(frozenset({"operator", "marketing"}), frozenset({"operator", "finance"}), _rate),
    "key.rotate": Executor(frozenset({"operator"}), frozenset({"operator", "finance"}), _key),
    "client.extend": Executor(frozenset({"operator"}), frozenset({"operator", "finance"}), _extend),
    "correction": Executor(frozenset({"finance"}), frozenset({"operator", "finance"}), _correction),
    "deposit.take": Executor(frozenset({"finance"}), frozenset({"operator", "finance"}), _deposit),
    "case.close": Executor(frozenset({"operator", "finance"}), frozenset({"operator", "finance"}), _case),
}
