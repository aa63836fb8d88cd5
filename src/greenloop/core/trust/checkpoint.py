"""What a log is known by: its checkpoint, as the text that is signed, and the note that carries the signature.

The forms are those of C2SP: tlog-checkpoint (origin, size and root, a line each) in a signed-note, whose signatures are
Ed25519's and name the key by its hash. Making and proving signatures is not done here.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from greenloop.core.faults import Refusal, say
from greenloop.core.trust.log import HASH_BYTES

ED25519 = b"\x01"
KEY_HASH_BYTES, SIGNATURE_BYTES = 4, 64
SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
NAME = re.compile(r"[^\s+]{1,128}")
SIGNED = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log of a certain origin had `size` leaves, and `root` was the root of their tree."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """Return what is signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Key:
    """A key that signs for a log: the log's name and an Ed25519 public key of 32 bytes."""

    name: str
    public: bytes

    @property
    def hash(self) -> bytes:
        """Return the four bytes by which notes name the key."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:KEY_HASH_BYTES]

    @property
    def id(self) -> str:
        """Return those four bytes in hex."""
        return self.hash.hex()

    @property
    def text(self) -> str:
        """Return the key as it is handed on: name, hash and key."""
        return f"{self.name}+{self.id}+{_base64(ED25519 + self.public)}"


@dataclass(frozen=True, slots=True)
class Signature:
    """A line under a note: who signed, the hash of the key, and the signature of 64 bytes."""

    name: str
    key_hash: bytes
    signature: bytes

    @property
    def text(self) -> str:
        """Return the line."""
        return f"— {self.name} {_base64(self.key_hash + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint with the signatures under it."""

    checkpoint: Checkpoint
    signatures: tuple[Signature, ...]

    @property
    def text(self) -> str:
        """Return the note as it is published."""
        return f"{self.checkpoint.text}\n{''.join(each.text for each in self.signatures)}"

    def by(self, keys: Sequence[Key]) -> list[tuple[Key, Signature]]:
        """Return the signatures that say to be of one of the keys, each with its key."""
        known = {(key.name, key.hash): key for key in keys}
        return [
            (known[each.name, each.key_hash], each)
            for each in self.signatures
            if (each.name, each.key_hash) in known and len(each.signature) == SIGNATURE_BYTES
        ]


def read_note(text: str) -> Note:
    """Read a signed checkpoint. Lines behind the root, which the form allows, are none of ours.

    :raises Refusal: it isn't one.
    """
    body, blank, signed = text.rpartition("\n\n")
    lines = body.split("\n")
    root = _bytes(lines[2]) if len(lines) == 3 else b""
    whole = bool(blank) and signed.endswith("\n") and len(root) == HASH_BYTES
    if not whole or not NAME.fullmatch(lines[0]) or not SIZE.fullmatch(lines[1]):
        raise unreadable()
    signatures = tuple(map(read_signature, signed.removesuffix("\n").split("\n")))
    return Note(Checkpoint(lines[0], int(lines[1]), root), signatures)


def read_signature(line: str) -> Signature:
    """Read a line under a note.

    :raises Refusal: it isn't one.
    """
    found = SIGNED.fullmatch(line)
    told = _bytes(found[2]) if found else b""
    if found is None or len(told) <= KEY_HASH_BYTES:
        raise unreadable()
    return Signature(found[1], told[:KEY_HASH_BYTES], told[KEY_HASH_BYTES:])


def unreadable() -> Refusal:
    """Return the refusal of what isn't a signed checkpoint."""
    return Refusal("log.checkpoint", say("This is not a signed checkpoint."))


def read_key(text: str) -> Key:
    """Read a key as `Key.text` writes it.

    :raises Refusal: it isn't one, or its hash isn't that of the key.
    """
    name, _, rest = text.strip().partition("+")
    told, _, encoded = rest.partition("+")
    public = _bytes(encoded)
    key = Key(name, public[1:])
    if not NAME.fullmatch(name) or public[:1] != ED25519 or len(public) != 1 + HASH_BYTES or told != key.id:
        message = say("This is not a key that signs logs. It is written as name+hash+key, as greenloop log key prints.")
        raise Refusal("log.key", message, field="key")
    return key


def _base64(told: bytes) -> str:
    return base64.b64encode(told).decode()


def _bytes(text: str) -> bytes:
    """Return what a text encodes; nothing where it isn't the one text that does."""
    try:
        told = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        return b""
    return told if _base64(told) == text else b""
