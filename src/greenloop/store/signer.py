"""The key that signs the public log, and the proof of what it signed. No other key signs the log.

It signs supervision reports too, which begin with a line that says so: no report can be taken for a checkpoint, and no
checkpoint for a report. It signs nothing else.

Ed25519, derived (HKDF-SHA256) from GREENLOOP_LOG_KEY.
"""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from greenloop.core.faults import Refusal, say
from greenloop.core.trust.checkpoint import Checkpoint, Key, Note, Signature
from greenloop.core.trust.report_seal import ReportSeal, SealNote

SEED_BYTES = 32


@lru_cache(maxsize=4)
def _private(log_key: str) -> Ed25519PrivateKey:
    seed = HKDF(SHA256(), SEED_BYTES, salt=None, info=b"greenloop/1/public log").derive(log_key.encode())
    return Ed25519PrivateKey.from_private_bytes(seed)


def _kept() -> Ed25519PrivateKey:
    """Return the key.

    :raises Refusal: none is kept: what is signed with a key that ends with this process proves nothing.
    """
    if not settings.GREENLOOP_LOG_KEY_KEPT:
        message = say(
            "The public log is signed with a key, and none is kept yet. Let greenloop migrate keep one, or set "
            "GREENLOOP_LOG_KEY."
        )
        raise Refusal("log.unkept", message, field="GREENLOOP_LOG_KEY")
    return _private(settings.GREENLOOP_LOG_KEY)


def key(origin: str) -> Key:
    """Return the public key by which the log of an origin is signed.

    :raises Refusal: no key is kept.
    """
    return Key(origin, _kept().public_key().public_bytes_raw())


def sign(checkpoint: Checkpoint) -> tuple[Note, Key]:
    """Sign a checkpoint; return the note, and the key that it is proved by.

    :raises Refusal: no key is kept.
    """
    known = key(checkpoint.origin)
    signed = Signature(known.name, known.hash, _kept().sign(checkpoint.text.encode()))
    return Note(checkpoint, (signed,)), known


def seal(found: ReportSeal) -> SealNote:
    """Seal a report for its origin.

    :raises Refusal: no key is kept.
    """
    known = key(found.origin)
    return SealNote(found, Signature(known.name, known.hash, _kept().sign(found.text.encode())))


def sealed_by(note: SealNote, known: Key) -> bool:
    """Tell whether a key has sealed a report."""
    return note.names(known) and _proves(known, note.signature, note.seal.text.encode())


def signed_by(note: Note, keys: list[Key]) -> bool:
    """Tell whether one of the keys has signed a note. A signature that says to be a key's and isn't counts for none."""
    return any(_proves(key, each, note.checkpoint.text.encode()) for key, each in note.by(keys))


def _proves(key: Key, signed: Signature, text: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signed.signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True
