"""Check that an amount is in a published sum of liabilities. One file; it needs Python 3.9 or newer and nothing else.

    python check_inclusion.py PROOF.json [ROOT.json]

PROOF.json is a holder's proof, as the page "What we owe you" or the API hands it out. ROOT.json is the root as it was
published, from the API, the public log, or whoever kept it; without it the proof is held against the root that it says
itself, and you compare what is printed with what was published. Ends with 0 if the amount is in the sum, with 1 if not.

    binding = HMAC-SHA256(nonce, holder 8 bytes | part 4 bytes | parts 4 bytes)
    leaf    = SHA-256(0x00 | salt 32 bytes | binding 32 bytes | amount 8 bytes)
    node    = SHA-256(0x01 | left hash | left sum 8 bytes | right hash | right sum 8 bytes)
"""

import hashlib
import hmac
import json
import sys
from pathlib import Path
from typing import Any

SUM_MAX = 2**53 - 1
PARTS_MAX = 64
OWED = ("claimable_fen", "unspent_fen", "coupon_fen", "dues_fen")
COMPARED = ("cycle", "root_hash", "nonce_hash", "total_fen", "leaves", "holders", "journal_hash")


class NotIncluded(Exception):
    """What is wrong with a proof, in a sentence."""


def amount_of(value: object) -> int:
    """Return an amount in whole fen, from 0 to the largest sum there can be."""
    if type(value) is not int or not 0 <= value <= SUM_MAX:
        raise NotIncluded(f"{value!r} is no sum: sums are whole, not negative, and below 2^53")
    return value


def bytes_of(value: object) -> bytes:
    """Return 32 bytes that are written in hex."""
    found = bytes.fromhex(value) if isinstance(value, str) else b""
    if len(found) != 32:
        raise NotIncluded("a hash, a salt or the nonce isn't 32 bytes long")
    return found


def climbed(leaf: dict[str, Any], hashed: bytes, depth: int) -> tuple[bytes, int]:
    """Return the hash and the sum at the top of a leaf's way."""
    place, total = leaf["index"], amount_of(leaf["amount_fen"])
    if len(leaf["path"]) != depth:
        raise NotIncluded("the way to the top has another length than the published tree's")
    for step in leaf["path"]:
        own = hashed + total.to_bytes(8, "big")
        other = bytes_of(step["hash"]) + amount_of(step["sum_fen"]).to_bytes(8, "big")
        hashed = hashlib.sha256(b"\x01" + (other + own if place & 1 else own + other)).digest()
        total, place = amount_of(total + step["sum_fen"]), place >> 1
    return hashed, total


def included_fen(proof: dict[str, Any], root: dict[str, Any]) -> int:
    """Return the amount of a proof that leads to a root; raise NotIncluded where it doesn't."""
    leaves, nonce, holder = proof["leaves"], bytes_of(proof["nonce"]), int(proof["holder"])
    if not 1 <= len(leaves) <= PARTS_MAX:
        raise NotIncluded("the proof has no leaves, or too many")
    if hashlib.sha256(nonce).digest() != bytes_of(root["nonce_hash"]):
        raise NotIncluded("the nonce isn't the one that was published")
    depth = (amount_of(root["leaves"]) - 1).bit_length()
    for part, leaf in enumerate(leaves):
        if type(leaf["index"]) is not int or not 0 <= leaf["index"] < root["leaves"]:
            raise NotIncluded("the proof names a place that the published tree doesn't have")
        message = holder.to_bytes(8, "big") + part.to_bytes(4, "big") + len(leaves).to_bytes(4, "big")
        bound = hmac.new(nonce, message, "sha256").digest()
        amount = amount_of(leaf["amount_fen"]).to_bytes(8, "big")
        top = climbed(leaf, hashlib.sha256(b"\x00" + bytes_of(leaf["salt"]) + bound + amount).digest(), depth)
        if top != (bytes_of(root["root_hash"]), amount_of(root["total_fen"])):
            raise NotIncluded("the proof leads to another root or another total than what was published")
    amount_fen = amount_of(sum(leaf["amount_fen"] for leaf in leaves))
    told_fen = sum(amount_of(proof["owed"][name]) for name in OWED)
    if not amount_fen == told_fen == amount_of(proof["owed"]["amount_fen"]):
        raise NotIncluded("the leaves add up to another amount than what the proof says is owed")
    return amount_fen


def yuan(fen: int) -> str:
    """Write fen as yuan."""
    return f"{fen // 100:,}.{fen % 100:02d}"


def main(arguments: list[str]) -> int:
    """Check a file, say what came of it, and return the exit code."""
    if len(arguments) not in (1, 2):
        sys.stderr.write(__doc__ or "")
        return 2
    try:
        proof = json.loads(Path(arguments[0]).read_text("utf-8"))
        root = proof["root"]
        if len(arguments) == 2:
            root = json.loads(Path(arguments[1]).read_text("utf-8"))
            root = root.get("facts", root)
            if off := [name for name in COMPARED if root[name] != proof["root"][name]]:
                raise NotIncluded(f"the proof speaks of another root than the published one: {', '.join(off)}")
        amount_fen = included_fen(proof, root)
    except NotIncluded as reason:
        sys.stdout.write(f"NOT INCLUDED: {reason}.\n")
        return 1
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, OSError) as fault:
        sys.stdout.write(f"NOT INCLUDED: this can't be read as a proof and a root ({type(fault).__name__}: {fault}).\n")
        return 1
    told = f"{yuan(amount_fen)} yuan of holder {proof['holder']} are in the published {yuan(root['total_fen'])} yuan"
    sys.stdout.write(f"INCLUDED: {told} (cycle {root['cycle']}, {root['holders']} holders).\n")
    sys.stdout.write(f"root {root['root_hash']}\n")
    if len(arguments) == 1:
        sys.stdout.write("This is the root that the proof itself names: compare it with the published one.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
