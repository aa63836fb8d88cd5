"""Complaints: filed by whom it concerns, answered by operators, each text sealed under the key of who complained."""

from datetime import datetime, timedelta

from django.db.models import Q

from greenloop.core.faults import Refusal, say
from greenloop.core.trust import complaints as rules
from greenloop.services import ids
from greenloop.services.people import steps
from greenloop.services.people.sign_in import RELATIONS
from greenloop.services.trust.steps import note
from greenloop.services.verb import verb
from greenloop.store import locks, sealed
from greenloop.store.models import Complaint, ComplaintAnswer, MerchantLink, Order, PersonKey

DAY = timedelta(days=1)


@verb
def file_complaint(*, account_id: int, category: str, text: str, order_id: int | None, at: datetime) -> int:
    """Take a complaint and return its number; it is due to be answered within 15 days.

    One that was sent twice is filed once: the second time it answers with the first one's number.

    :raises Refusal: the category is unknown, nothing is said or too much, the order is none of theirs, or the account
        has filed as many today as one may.
    """
    said = _text(text)
    if category not in rules.CATEGORIES:
        raise Refusal("complaint.category", say("Say what the complaint is about."), field="category")
    locks.holders([account_id])
    if order_id is not None and not _has_to_do_with(account_id, order_id):
        raise Refusal("complaint.order", say("You have no order {order}."), field="order", order=str(order_id))
    about = "" if order_id is None else f"order/{order_id}"
    key = steps.key_of(account_id)
    if (earlier := _sent_before(account_id, key, at, category=category, about=about, said=said)) is not None:
        return earlier
    if Complaint.objects.filter(account_id=account_id, filed_at__gt=at - DAY).count() >= rules.A_DAY_MAX:
        message = say("You have filed {most} complaints within a day. Come back tomorrow.")
        raise Refusal("complaint.many", message, field="text", most=rules.A_DAY_MAX)
    number = ids.block(1)[0]
    Complaint.objects.create(
        id=number,
        account_id=account_id,
        category=category,
        about=about,
        sealed=sealed.seal(said, key, f"complaint/{number}"),
        state="open",
        filed_at=at,
        due_at=at + rules.DUE,
    )
    return number


@verb
def answer_complaint(*, complaint_id: int, text: str, close: bool, by: str, at: datetime) -> int:
    """Answer a complaint, and close it if so told; return the answer's number.

    :raises Refusal: there is no such complaint, it is closed, who complained was forgotten, or nothing is said.
    """
    said = _text(text)
    found = Complaint.objects.select_for_update().filter(id=complaint_id).first()
    if found is None:
        message = say("There is no complaint {complaint}.")
        raise Refusal("complaint.unknown", message, field="complaint", complaint=str(complaint_id))
    if found.state == "closed":
        raise Refusal("complaint.closed", say("This complaint is closed."), field="complaint")
    kept = PersonKey.objects.filter(account_id=found.account_id).values_list("sealed_key", flat=True).first()
    if kept is None:
        message = say("Who complained was forgotten, so nobody could read an answer. Close it without one.")
        if not close:
            raise Refusal("complaint.forgotten", message, field="complaint")
    number = ids.block(1)[0]
    if kept is not None:
        text_sealed = sealed.seal(said, sealed.unwrap(kept, found.account_id), f"complaint-answer/{number}")
        ComplaintAnswer.objects.create(id=number, complaint_id=complaint_id, by=by[:64], sealed=text_sealed, at=at)
    found.state = "closed" if close else "answered"
    found.answered_at = found.answered_at or at
    found.closed_at = at if close else None
    found.save(update_fields=["state", "answered_at", "closed_at"])
    act = "complaint.close" if close else "complaint.answer"
    note(act=act, about=f"complaint/{complaint_id}", detail={"answer": str(number)}, at=at, by=by)
    return number


def _sent_before(account_id: int, key: bytes, at: datetime, *, category: str, about: str, said: str) -> int | None:
    """Return the number of the same complaint, filed a moment ago and not answered yet, if there is one."""
    recent = (
        Complaint.objects.filter(account_id=account_id, state="open", category=category, about=about)
        .filter(filed_at__gt=at - rules.SENT_AGAIN)
        .order_by("-id")
        .values_list("id", "sealed")[: rules.A_DAY_MAX]
    )
    return next((number for number, words in recent if _says(words, said, key, number)), None)


def _says(words: str, said: str, key: bytes, number: int) -> bool:
    """Tell whether sealed words are these. Who was forgotten and came back has another key: theirs are nobody's now."""
    try:
        return sealed.unseal(words, key, f"complaint/{number}") == said
    except Refusal:
        return False


def _has_to_do_with(account_id: int, order_id: int) -> bool:
    """Tell whether somebody bought by an order, or acts for who sold."""
    sold = MerchantLink.objects.filter(account_id=account_id, relation__in=RELATIONS).values("merchant_id")
    return Order.objects.filter(Q(member_id=account_id) | Q(merchant_id__in=sold), id=order_id).exists()


def _text(written: str) -> str:
    said = written.replace("\0", "").strip()
    if not said:
        raise Refusal("complaint.text", say("Say what happened."), field="text")
    if len(said) > rules.TEXT_MAX:
        message = say("Say it in {most} characters at most.")
        raise Refusal("complaint.text", message, field="text", most=rules.TEXT_MAX)
    return said
