"""The public log, asked for proofs of what it doesn't hold."""

from collections.abc import Callable

import pytest

from greenloop.core.faults import Refusal
from greenloop.store.queries import log
from tests.support.leaves import count
from tests.support.town import Town


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (lambda size: log.inclusion(size, size), "leaf"),
        (lambda size: log.inclusion(-1, size), "leaf"),
        (lambda size: log.inclusion(0, size + 1), "size"),
        (lambda size: log.inclusion(0, size - size), "size"),
        (lambda size: log.consistency(0, size), "earlier"),
        (lambda size: log.consistency(size + 1, size), "earlier"),
        (lambda size: log.consistency(1, size + 1), "size"),
    ],
)
def test_a_proof_of_what_is_not_there_is_refused(town: Town, ask: Callable[[int], object], field: str) -> None:
    del town
    with pytest.raises(Refusal) as refused:
        ask(count())
    assert refused.value.field == field
