"""The public log: its newest checkpoint, its leaves, and the proofs that are folded from them."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from greenloop.api import paging
from greenloop.api.access import Keyed, Session
from greenloop.api.paging import Asked, Page
from greenloop.api.problems import Problem
from greenloop.core.faults import say
from greenloop.store.queries import log
from greenloop.store.queries.log import CheckpointRow, LeafRow

router = Router(tags=["log"])
READERS = [Keyed("statements:read"), Session()]
NUMBER_MAX = 2**63 - 1


class CheckpointOut(Schema):
    """A signed checkpoint: the log of `size` leaves had the root `root`, in hex.

    `note` is what is signed with its signature (C2SP signed-note, tlog-checkpoint), `key` the key that it proves by.
    """

    origin: str
    size: int
    root: str
    note: str
    key: str
    signed_at: datetime


class LogLeafOut(Schema):
    """One leaf by its number from 0: `body` is the text that was hashed to `hash`, canonical JSON (RFC 8785)."""

    number: int
    kind: str
    about: str
    body: str
    hash: str
    at: datetime


class InclusionOut(Schema):
    """That a log of `size` leaves holds a leaf at its number: `path` leads from its hash to `root` (RFC 9162, 2.1)."""

    leaf: int
    size: int
    hash: str
    root: str
    path: list[str]


class ConsistencyOut(Schema):
    """That a log of `earlier` leaves only grew to `size`: `path` leads from one root to the other (RFC 9162, 2.1)."""

    earlier: int
    size: int
    earlier_root: str
    root: str
    path: list[str]


class OfLeaf(Schema):
    """Which leaf, in the log of which size; the size that was signed last where none is named."""

    leaf: int = Field(ge=0, le=NUMBER_MAX)
    size: int | None = Field(None, ge=1, le=NUMBER_MAX)


class OfSizes(Schema):
    """From which size, and to which; the one that was signed last where none is named."""

    earlier: int = Field(ge=1, le=NUMBER_MAX)
    size: int | None = Field(None, ge=1, le=NUMBER_MAX)


LeafAsked = Annotated[OfLeaf, Query()]
SizesAsked = Annotated[OfSizes, Query()]


@router.get(
    "/log/checkpoint",
    auth=READERS,
    response=CheckpointOut,
    summary="Read the newest checkpoint of the public log",
    operation_id="readCheckpoint",
)
def read_checkpoint(request: HttpRequest) -> object:
    """Return what was signed last of the public log; anybody finds the same at /log/checkpoint."""
    return _checkpoint(_newest())


@router.get(
    "/log/leaves",
    auth=READERS,
    response=Page[LogLeafOut],
    summary="List the leaves of the public log",
    operation_id="listLeaves",
)
def list_leaves(request: HttpRequest, page: Asked) -> object:
    """List leaves in their order, oldest first; those that no checkpoint covers yet are among them."""
    (after,) = paging.numbers(page, 1, (-1,))
    return paging.page(log.leaves(after=after, limit=page.limit + 1), page, _leaf, lambda row: (row.number,))


@router.get(
    "/log/proofs/inclusion",
    auth=READERS,
    response=InclusionOut,
    summary="Prove that a leaf is in the public log",
    operation_id="proveInclusion",
)
def prove_inclusion(request: HttpRequest, which: LeafAsked) -> object:
    """Return the proof that the log of a size holds a leaf, folded from O(log n) subtrees."""
    size = which.size or _newest().checkpoint.size
    path = log.inclusion(which.leaf, size)
    (leaf,) = log.leaves(after=which.leaf - 1, limit=1)
    hashes = [each.hex() for each in path]
    return InclusionOut(leaf=which.leaf, size=size, hash=leaf.leaf_hash, root=log.root(size).hex(), path=hashes)


@router.get(
    "/log/proofs/consistency",
    auth=READERS,
    response=ConsistencyOut,
    summary="Prove that the public log only grew",
    operation_id="proveConsistency",
)
def prove_consistency(request: HttpRequest, which: SizesAsked) -> object:
    """Return the proof that nothing of an earlier log was changed, dropped or moved up to a later size."""
    size = which.size or _newest().checkpoint.size
    path = log.consistency(which.earlier, size)
    return ConsistencyOut(
        earlier=which.earlier,
        size=size,
        earlier_root=log.root(which.earlier).hex(),
        root=log.root(size).hex(),
        path=[each.hex() for each in path],
    )


def _newest() -> CheckpointRow:
    """Return what was signed last.

    :raises Problem: nothing was yet.
    """
    if found := log.newest_checkpoint():
        return found
    raise Problem(404, "log.unsigned", say("Nothing of the public log is signed yet."))


def _checkpoint(row: CheckpointRow) -> CheckpointOut:
    found = row.checkpoint
    return CheckpointOut(
        origin=found.origin,
        size=found.size,
        root=found.root.hex(),
        note=row.note.text,
        key=row.key.text,
        signed_at=row.at,
    )


def _leaf(row: LeafRow) -> LogLeafOut:
    return LogLeafOut(number=row.number, kind=row.kind, about=row.about, body=row.body, hash=row.leaf_hash, at=row.at)
