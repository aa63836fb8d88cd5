"""What a sealed report is known by: the text that is signed, and the note that carries the signature.

The form is C2SP's signed-note, as the public log's checkpoints have it. Its first line says what it is of, and its
third is no root, so neither can be taken for the other.
"""

import re
from dataclasses import dataclass

from greenloop.core.faults import Refusal, say
from greenloop.core.trust.checkpoint import NAME, SIGNED, Key, Signature, read_signature

KIND = "greenloop/supervision-report/1"
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ReportSeal:
    """A report of a certain origin: the SHA-256 of its manifest, in hex, which names every other file's."""

    origin: str
    manifest_hash: str

    @property
    def text(self) -> str:
        """Return what is signed."""
        return f"{KIND}\n{self.origin}\n{self.manifest_hash}\n"


@dataclass(frozen=True, slots=True)
class SealNote:
    """A seal with the signature under it."""

    seal: ReportSeal
    signature: Signature

    @property
    def text(self) -> str:
        """Return the note as it lies beside the report."""
        return f"{self.seal.text}\n{self.signature.text}"

    def names(self, key: Key) -> bool:
        """Tell whether the signature says to be a key's."""
        return (self.signature.name, self.signature.key_hash) == (key.name, key.hash) and key.name == self.seal.origin


def read_seal(text: str) -> SealNote:
    """Read a sealed note.

    :raises Refusal: it isn't one.
    """
    body, blank, signed = text.rpartition("\n\n")
    lines = body.split("\n")
    found = SIGNED.fullmatch(signed.removesuffix("\n"))
    whole = bool(blank) and signed.endswith("\n") and found is not None and len(lines) == 3 and lines[0] == KIND
    if not whole or not NAME.fullmatch(lines[1]) or not SHA256.fullmatch(lines[2]):
        raise Refusal("report.seal", say("This is not the seal of a supervision report."), field="seal")
    return SealNote(ReportSeal(lines[1], lines[2]), read_signature(signed.removesuffix("\n")))
