"""The answers of a batch whose callers gave idempotency keys: those given before, and those to keep now."""

from collections.abc import Mapping
from types import MappingProxyType

from greenloop.services.loop.taking.sale import Sold
from greenloop.services.verb import Asked, Kept, conflict
from greenloop.store.queries import answers

NONE_ASKED: Mapping[int, Asked] = MappingProxyType({})


class KeptAnswers:
    """Knows by place what was answered before, and gathers what is to be kept.

    Like order numbers, keys are looked up only once the database has said that one is known.
    """

    def __init__(self, asked: Mapping[int, Asked], *, look_up: bool) -> None:
        self.asked = asked
        self.earlier: dict[int, Kept] = {}
        self.now: dict[int, Kept] = {}
        self._given: dict[tuple[str, str], tuple[str, Kept]] = {}
        if asked and look_up:
            self._given = {
                key: (found.request_hash, Kept(found.status, found.body))
                for key, found in answers.given([(each.caller, each.key) for each in asked.values()]).items()
            }

    @property
    def new(self) -> list[tuple[Asked, Kept]]:
        """Return what is to be kept, with who asked for it."""
        return [(self.asked[index], kept) for index, kept in self.now.items()]

    def known(self, index: int) -> bool:
        """Tell whether the sale at this place was answered before.

        :raises Refusal: its key was used for another request.
        """
        asked = self.asked.get(index)
        given = self._given.get((asked.caller, asked.key)) if asked else None
        if asked is None or given is None:
            return False
        request_hash, self.earlier[index] = given
        if request_hash != asked.request_hash:
            del self.earlier[index]
            raise conflict(asked.key)
        return True

    def add(self, index: int, sold: Sold | None) -> None:
        """Keep the answer to a sale that was taken, also for the sales behind it in the batch."""
        asked = self.asked.get(index)
        if asked is None or sold is None or (kept := asked.answer(sold)) is None:
            return
        self.now[index] = kept
        self._given[asked.caller, asked.key] = asked.request_hash, kept
