"""Check that an amount is in a published sum of liabilities. One file; it needs Python 3.9 or newer and nothing else.

    python check_inclusion.py PROOF.json [ROOT.json] [--log FOLDER] [--checkpoint FILE] [--key KEY]

PROOF.json is a holder's proof, as the page "What we owe you" or the API hands it out. ROOT.json is the root as it was
published, from the API, or whoever kept it; without it the proof is held against the root that it says itself, and you
compare what is printed with what was published. Ends with 0 if the amount is in the sum, with 1 if not.

FOLDER holds the files of the public log (checkpoint, key, leaves/000000.jsonl and so on), as they are published: then
the root has to be a leaf of it, under a checkpoint that is signed. FILE is a checkpoint that you have kept, or somebody
else: the log has to be that one, grown. KEY is the key to go by, as the operator publishes it elsewhere; without it the
log's own word is taken for it.

    binding = HMAC-SHA256(nonce, holder 8 bytes | part 4 bytes | parts 4 bytes)
    leaf    = SHA-256(0x00 | salt 32 bytes | binding 32 bytes | amount 8 bytes)
    node    = SHA-256(0x01 | left hash | left sum 8 bytes | right hash | right sum 8 bytes)

The log is a tree as in RFC 6962, its checkpoint a signed note (C2SP), its signature Ed25519 (RFC 8032).
"""

from __future__ import annotations

import argparse
import base64
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


TILE = 256
"""Leaves of one file of the log."""

Point = tuple[int, int, int, int]
FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, FIELD) % FIELD
HALF_TURN = pow(2, (FIELD - 1) // 4, FIELD)


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


def added(one: Point, other: Point) -> Point:
    """Add two points of the curve, in extended coordinates (RFC 8032, 5.1.4)."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % FIELD
    b = (one[1] + one[0]) * (other[1] + other[0]) % FIELD
    c, d = 2 * one[3] * other[3] * CURVE_D % FIELD, 2 * one[2] * other[2] % FIELD
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % FIELD, g * h % FIELD, f * g % FIELD, e * h % FIELD


def times(count: int, point: Point) -> Point:
    """Add a point to itself so many times."""
    found: Point = (0, 1, 1, 0)
    while count:
        if count & 1:
            found = added(found, point)
        point, count = added(point, point), count >> 1
    return found


def point_of(told: bytes) -> Point | None:
    """Return the point that 32 bytes stand for, None where they stand for none (RFC 8032, 5.1.3)."""
    y = int.from_bytes(told, "little")
    odd, y = y >> 255, y & (1 << 255) - 1
    if len(told) != 32 or y >= FIELD:
        return None
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if (x * x - square) % FIELD:
        x = x * HALF_TURN % FIELD
    if (x * x - square) % FIELD or (x == 0 and odd):
        return None
    x = FIELD - x if x & 1 != odd else x
    return x, y, 1, x * y % FIELD


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a key has signed a message (Ed25519; RFC 8032, 5.1.7)."""
    base = point_of(bytes([0x58]) + bytes([0x66]) * 31)
    key, commitment, share = point_of(public), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if base is None or key is None or commitment is None or len(signature) != 64 or share >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    one, other = times(share, base), added(commitment, times(challenge, key))
    return all((one[n] * other[2] - other[n] * one[2]) % FIELD == 0 for n in (0, 1))


def note_of(path: Path) -> dict[str, Any]:
    """Read a signed checkpoint: origin, size, root, what is signed, and by which keys."""
    body, _, signed = path.read_text("utf-8").rpartition("\n\n")
    origin, size, root = body.split("\n")
    lines = [line.split(" ") for line in signed.splitlines()]
    found = {(line[1], base64.b64decode(line[2])[:4]): base64.b64decode(line[2])[4:] for line in lines}
    return {
        "origin": origin,
        "size": int(size),
        "root": base64.b64decode(root),
        "text": f"{body}\n".encode(),
        "signatures": found,
    }


def signer_of(note: dict[str, Any], keys: list[str]) -> str:
    """Return the id of the key that has signed a checkpoint; raise NotIncluded where none of the keys has."""
    for key in keys:
        name, _, rest = key.strip().partition("+")
        known = base64.b64decode(rest.partition("+")[2])
        told = hashlib.sha256(name.encode() + b"\n" + known).digest()[:4]
        signature = note["signatures"].get((name, told), b"")
        if name == note["origin"] and known[:1] == b"\x01" and is_signed(known[1:], note["text"], signature):
            return told.hex()
    raise NotIncluded(f"the log's checkpoint of {note['size']} leaves isn't signed by a key that you go by")


def lines_of(folder: Path, size: int) -> list[bytes]:
    """Return the leaves that a checkpoint covers."""
    lines: list[bytes] = []
    for number in range(-(-size // TILE)):
        lines += (folder / "leaves" / f"{number:06d}.jsonl").read_bytes().split(b"\n")[:-1][:TILE]
    if len(lines) < size:
        raise NotIncluded(f"the log ends before its checkpoint of {size} leaves does")
    return lines[:size]


def root_over(lines: list[bytes]) -> bytes:
    """Return the root of a log of these leaves (RFC 6962, 2.1)."""
    kept: list[tuple[int, bytes]] = []
    for line in lines:
        level, hashed = 0, hashlib.sha256(b"\x00" + line).digest()
        while kept and kept[-1][0] == level:
            level, hashed = level + 1, hashlib.sha256(b"\x01" + kept.pop()[1] + hashed).digest()
        kept.append((level, hashed))
    root = kept.pop()[1] if kept else hashlib.sha256().digest()
    while kept:
        root = hashlib.sha256(b"\x01" + kept.pop()[1] + root).digest()
    return root


def logged(root: dict[str, Any], given: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Return the root as the public log tells it, and sentences about that; raise NotIncluded where it doesn't."""
    folder, number = Path(given.log), root["log_leaf"]
    note = note_of(folder / "checkpoint")
    keys = [given.key] if given.key else (folder / "key").read_text("utf-8").splitlines()
    by, lines = signer_of(note, keys), lines_of(folder, note["size"])
    if root_over(lines) != note["root"]:
        raise NotIncluded("the log's leaves don't hash to its signed checkpoint: one was changed, dropped or moved")
    said = [f"The root is leaf {number} of the log {note['origin']}, which key {by} signed with {len(lines)} leaves."]
    if given.checkpoint:
        kept = note_of(Path(given.checkpoint))
        if kept["origin"] != note["origin"] or kept["size"] > len(lines):
            raise NotIncluded("the log isn't the one that you have a checkpoint of, or it is shorter")
        if root_over(lines[: kept["size"]]) != kept["root"]:
            raise NotIncluded("the log isn't the one that you have a checkpoint of: its history was written anew")
        said.append(f"It has only grown since your checkpoint of {kept['size']} leaves.")
    if not given.key:
        said.append("The key is the log's own word: compare it with the one that the operator publishes elsewhere.")
    if type(number) is not int or not 0 <= number < len(lines):
        raise NotIncluded("no signed checkpoint of the log covers the root's leaf")
    leaf = json.loads(lines[number])
    if (leaf["kind"], leaf["about"], leaf["number"]) != ("root", f"root/{root['cycle']}", number):
        raise NotIncluded(f"leaf {number} of the log tells of something else than this root")
    return leaf["facts"], said


def yuan(fen: int) -> str:
    """Write fen as yuan."""
    return f"{fen // 100:,}.{fen % 100:02d}"


def checked(given: argparse.Namespace) -> list[str]:
    """Return what is true of a proof, in sentences; raise NotIncluded where its amount isn't in the published sum."""
    proof = json.loads(Path(given.proof).read_text("utf-8"))
    root = proof["root"]
    said: list[str] = []
    if given.root:
        root = json.loads(Path(given.root).read_text("utf-8"))
        root = root.get("facts", root)
    if given.log:
        told, said = logged(proof["root"] | root, given)
        if off := [name for name in told if name in root and root[name] != told[name]]:
            raise NotIncluded(f"the public log tells another root than this one: {', '.join(off)}")
        root = told
    if off := [name for name in COMPARED if root[name] != proof["root"][name]]:
        raise NotIncluded(f"the proof speaks of another root than the published one: {', '.join(off)}")
    amount = f"{yuan(included_fen(proof, root))} yuan of holder {proof['holder']}"
    whole = f"{yuan(root['total_fen'])} yuan (cycle {root['cycle']}, {root['holders']} holders)"
    if not (given.root or given.log):
        said = ["This is the root that the proof itself names: compare it with the published one."]
    return [f"INCLUDED: {amount} are in the published {whole}.", f"root {root['root_hash']}", *said]


def main(arguments: list[str]) -> int:
    """Check a file, say what came of it, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("proof", metavar="PROOF.json")
    parser.add_argument("root", metavar="ROOT.json", nargs="?")
    for name in ("--log", "--checkpoint", "--key"):
        parser.add_argument(name)
    given = parser.parse_args(arguments)
    if (given.checkpoint or given.key) and not given.log:
        parser.error("a checkpoint or a key says nothing alone: name the log's files with --log FOLDER")
    try:
        sys.stdout.write("\n".join(checked(given)) + "\n")
    except NotIncluded as reason:
        sys.stdout.write(f"NOT INCLUDED: {reason}.\n")
        return 1
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, IndexError, OSError) as fault:
        sys.stdout.write(f"NOT INCLUDED: this can't be read as a proof and a root ({type(fault).__name__}: {fault}).\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
