"""One way to write: the verb is called once per idempotency key, and who asks again gets the same answer."""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import msgspec
from django.http import HttpRequest, HttpResponse

from greenloop.api import access, clock
from greenloop.api.replays import key_of
from greenloop.services.trust.acting import acting
from greenloop.services.verb import OPEN, Answered, Asked, Kept, answering, conflict
from greenloop.store.queries import answers
from greenloop.store.queries.answers import Given

R = TypeVar("R")


def write(
    request: HttpRequest,
    act: Callable[[], R],
    answer: Callable[[R], Any],
    *,
    status: int | Callable[[R], int] = 200,
    again: bool | Callable[[R], bool] = False,
    kept: Callable[[R], Any] | None = None,
    first: Callable[[], object] | None = None,
) -> HttpResponse:
    """Call one verb and answer with what `answer` makes of its result, a schema or plain data.

    `again` says that the verb found its work done before (its own natural key), or tells it from the result. With an
    Idempotency-Key the answer is kept in the verb's transaction: what `kept` makes of the result, where a secret is
    shown once and never again; nothing where that is None, because it isn't the last word. `first` is a verb of its
    own that goes before, and isn't called where the key was used. `status` may depend on the result.

    :raises Refusal: the key was used for another request, or the verb refuses.
    """
    caller = access.of(request)
    key = key_of(request.META)
    asked, lasting = None, kept or answer
    if key:
        whole = _hash(request)
        asked = Asked(caller.name, key, whole, clock.now(), partial(_kept, status, lasting))
        given = answers.given([(caller.name, key)]).get((caller.name, key))
        if given and (given.status != OPEN or given.request_hash != whole):
            return _replayed(asked, given)
    if first is not None:
        with acting(actor=caller.name):
            first()
    try:
        with acting(actor=caller.name), answering(asked):
            result = act()
    except Answered:
        if asked is None:
            raise
        return _replayed(asked, answers.given([(asked.caller, asked.key)])[asked.caller, asked.key])
    return _response(
        _status(status, result), _text(answer(result)), replayed=again if isinstance(again, bool) else again(result)
    )


def _kept(status: int | Callable[[R], int], lasting: Callable[[R], Any], result: R) -> Kept | None:
    told = lasting(result)
    return None if told is None else Kept(_status(status, result), _text(told))


def _status(status: int | Callable[[R], int], result: R) -> int:
    return status if isinstance(status, int) else status(result)


def _replayed(asked: Asked, given: Given) -> HttpResponse:
    if given.request_hash != asked.request_hash:
        raise conflict(asked.key)
    return _response(given.status, given.body, replayed=True)


def _hash(request: HttpRequest) -> str:
    head = f"{request.method} {request.get_full_path()}\n".encode()
    return hashlib.sha256(head + request.body).hexdigest()


def _text(answer: Any) -> str:
    """Return an answer as JSON. Schemas are pydantic's, everything else is plain."""
    return msgspec.json.encode(answer, enc_hook=lambda model: model.model_dump(mode="json")).decode()


def _response(status: int, body: str, *, replayed: bool) -> HttpResponse:
    response = HttpResponse(body, status=status, content_type="application/json")
    if replayed:
        response["Idempotency-Replayed"] = "true"
    return response
