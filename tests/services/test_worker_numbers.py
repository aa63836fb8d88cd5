"""Worker numbers: processes that begin at one moment never share one."""

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from greenloop.core.faults import Refusal
from greenloop.services import worker
from greenloop.store import sql
from tests.support.ledger import fetch
from tests.support.threads import at_once

if TYPE_CHECKING:
    from tests.support.town import Town


def test_processes_that_begin_at_one_moment_get_numbers_of_their_own(town: "Town") -> None:
    for _ in range(3):
        makers = at_once([partial(worker.lease, holder=f"w{n}", at=town.at) for n in range(8)])
        assert len({maker.worker for maker in makers}) == 8
    assert fetch("SELECT COUNT(*) FROM worker WHERE holder <> ''") == [(24,)]


def test_a_number_is_free_again_once_it_is_given_back_or_its_day_is_over(town: "Town") -> None:
    first = worker.lease(holder="a", at=town.at)
    second = worker.lease(holder="b", at=town.at)
    worker.give_back(maker=first, at=town.at)
    assert worker.lease(holder="c", at=town.at).worker == first.worker
    assert worker.lease(holder="d", at=town.later(days=1, minutes=1).at).worker in {first.worker, second.worker}


def test_a_number_that_was_leased_to_another_since_is_neither_renewed_nor_given_back(town: "Town") -> None:
    slept = worker.lease(holder="greenloop serve (process 7)", at=town.at)
    other = worker.lease(holder="greenloop serve (process 7)", at=town.later(days=2).at)  # another machine's
    assert other.worker == slept.worker
    assert not worker.renew(maker=slept, at=town.at)
    worker.give_back(maker=slept, at=town.at)
    assert worker.lease(holder="third", at=town.later(minutes=1).at).worker != other.worker
    assert worker.renew(maker=other, at=town.at)


def test_a_day_that_is_over_is_renewed_while_nobody_else_has_the_number(town: "Town") -> None:
    slept = worker.lease(holder="a", at=town.at)
    assert worker.renew(maker=slept, at=town.later(days=2).at)
    assert worker.lease(holder="b", at=town.at).worker != slept.worker


def test_the_last_number_is_said_to_be_the_last(town: "Town") -> None:
    until = sql.instant(town.at + timedelta(days=1))
    sql.run_many(
        "INSERT INTO worker (number, holder, leased_until_at, last_ms) VALUES (%s, 'x', %s, 0)",
        [(number, until) for number in range(worker.NUMBERS)],
    )
    with pytest.raises(Refusal) as refused:
        worker.lease(holder="one more", at=town.at)
    assert refused.value.code == "worker.none"
