"""Signing between the product and an institution that shares a secret with it: HMAC-SHA-256 over all that matters."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from greenloop.core.faults import Refusal, say
from greenloop.services.books.institution.gateway import NOTICE_AGE_MAX

TIMESTAMP, NONCE, SIGNATURE = "Institution-Timestamp", "Institution-Nonce", "Institution-Signature"


def headers(secret: bytes, method: str, path: str, body: bytes, *, at: datetime) -> dict[str, str]:
    """Return the headers that sign a message; its time is `at`."""
    stamp, nonce = str(int(at.timestamp())), secrets.token_hex(16)
    return {TIMESTAMP: stamp, NONCE: nonce, SIGNATURE: _signature(secret, (method, path, stamp, nonce), body)}


def check(secret: bytes, method: str, path: str, found: Mapping[str, str], body: bytes, *, at: datetime) -> None:
    """Accept a message that the secret's holder has signed within five minutes of `at`.

    :raises Refusal: `notice.signature` or `notice.age`.
    """
    told = {name.lower(): text for name, text in found.items()}
    stamp, nonce = told.get(TIMESTAMP.lower(), ""), told.get(NONCE.lower(), "")
    signature = told.get(SIGNATURE.lower(), "")
    mine = _signature(secret, (method, path, stamp, nonce), body)
    if not hmac.compare_digest(mine.encode(), signature.encode()):
        raise unsigned()
    check_age(stamp, at=at)


def check_age(stamp: str, *, at: datetime) -> None:
    """Accept a time of signing, in seconds since 1970, within five minutes of `at`.

    :raises Refusal: `notice.age`.
    """
    signed_at = (
        datetime.fromtimestamp(int(stamp), UTC) if stamp.isascii() and stamp.isdigit() and len(stamp) < 11 else None
    )
    if signed_at is None or abs(at - signed_at) > NOTICE_AGE_MAX:
        raise Refusal("notice.age", say("The notice was signed more than five minutes from now."))


def unsigned() -> Refusal:
    """Return the refusal of what isn't signed as it has to be; it tells nothing that a forger could use."""
    return Refusal("notice.signature", say("The notice isn't signed by the institution."))


def _signature(secret: bytes, parts: tuple[str, str, str, str], body: bytes) -> str:
    text = "\n".join([*parts, hashlib.sha256(body).hexdigest()]).encode()
    return hmac.new(secret, text, hashlib.sha256).hexdigest()
