"""The log's own verbs: tell of what was there before the log was, and sign it as it stands."""

from datetime import datetime

from django.conf import settings

from greenloop.core.faults import Refusal, say
from greenloop.core.trust.checkpoint import NAME, Checkpoint
from greenloop.services.trust.log.steps import append_leaves
from greenloop.services.verb import verb
from greenloop.store import locks, signer, sql
from greenloop.store.queries import liabilities, log, logged
from greenloop.store.queries.log import CheckpointRow


@verb
def fill_log(*, at: datetime) -> int:
    """Append a leaf for each rule set, settlement, decision and missed root that has none; return how many.

    A database that is older than the log has such. Where there is nothing to tell, nothing is written.
    """
    locks.log()  # what others tell of now is seen with its leaf, or not at all
    told = [*logged.rules(), *logged.minting(), *logged.settlements(), *logged.decisions(), *liabilities.lost_now()]
    return len(append_leaves(told, at=at))


@verb
def sign_log(*, at: datetime) -> CheckpointRow | None:
    """Sign the log as it stands and return the checkpoint; signed already, the same. None while it has no leaf.

    :raises Refusal: no key is kept to sign with.
    """
    locks.log()
    count = log.size()
    if count == 0:
        return None
    before = log.newest_checkpoint()
    if before is not None and before.checkpoint.size == count:
        return before
    checkpoint = Checkpoint(origin_of(), count, log.root(count))
    note, key = signer.sign(checkpoint)
    signed = (count, checkpoint.root.hex(), key.name, key.id, key.public.hex(), note.signatures[0].signature.hex())
    sql.insert("log_checkpoint", _CHECKPOINT, [(*signed, sql.instant(at))])
    return CheckpointRow(note, key, at)


def origin_of() -> str:
    """Return the name that the log is known by: what it was with the first checkpoint, else what settings say.

    :raises Refusal: it can't stand in a checkpoint.
    """
    if before := log.newest_checkpoint():
        return before.checkpoint.origin
    named = str(settings.GREENLOOP_LOG_ORIGIN)
    if not NAME.fullmatch(named):
        message = say("GREENLOOP_LOG_ORIGIN must be 1 to 128 characters without blanks and plus signs.")
        raise Refusal("log.origin", message, field="GREENLOOP_LOG_ORIGIN")
    return named


_CHECKPOINT = ("size", "root_hash", "origin", "key_id", "public_key", "signature", "at")
