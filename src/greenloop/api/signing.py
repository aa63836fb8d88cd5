"""Signed requests: RFC 9421 with HMAC-SHA256 over one fixed list of components, and RFC 9530's Content-Digest.

A library for all of RFC 9421 reads what no till sends; here exactly one form is accepted, so there is nothing to choose
for whoever would forge one:

    Content-Digest: sha-256=:BASE64:
    Signature-Input: sig=("@method" "@path" "@query" "content-digest");created=T;keyid="ID";nonce="N";alg="hmac-sha256"
    Signature: sig=:BASE64:

A request with an Idempotency-Key also signs it: `… "content-digest" "idempotency-key")`.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from greenloop.api.problems import Problem
from greenloop.core.faults import say

WINDOW_S = 300
COMPONENTS = '"@method" "@path" "@query" "content-digest"'
_INPUT = re.compile(
    rf'sig=(\({COMPONENTS}( "idempotency-key")?\);created=(\d{{1,12}});keyid="(\d{{1,19}})";'
    r'nonce="([A-Za-z0-9_-]{16,64})";alg="hmac-sha256")'
)
_SIGNATURE = re.compile(r"sig=:([A-Za-z0-9+/]{43}=):")
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature as it was sent: which key, when (seconds since 1970), the nonce, what it covers, what it came to."""

    key_id: int
    created_s: int
    nonce: str
    params: str
    covers_idempotency: bool
    signature: bytes


def read(signature_input: str, signature: str) -> Signed:
    """Read a signature's two headers.

    :raises Problem: they are not of the one form that is accepted.
    """
    given, made = _INPUT.fullmatch(signature_input), _SIGNATURE.fullmatch(signature)
    if not given or not made:
        refuse("auth.signature_form", say("The headers Signature-Input and Signature are not of the documented form."))
    params, covers, created, key_id, nonce = given.groups()
    return Signed(int(key_id), int(created), nonce, params, bool(covers), base64.b64decode(made[1]))


def check(
    signed: Signed,
    secret: bytes,
    *,
    now_s: int,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
) -> None:
    """Accept a request that was signed with `secret`. `headers` has Content-Digest and Idempotency-Key.

    Its body is not looked at yet: the signature covers the digest, and `check_digest` the body.

    :raises Problem: the time is outside the window, the digest can't be read, or the signature is of something else.
    """
    if abs(now_s - signed.created_s) > WINDOW_S:
        refuse(
            "auth.signature_time", say("The signature was made more than {most} s ago or ahead. Set the clock right.")
        )
    digest, key = headers.get("content-digest", ""), headers.get("idempotency-key", "")
    if bool(key) != signed.covers_idempotency:
        refuse("auth.signature_form", say("A request with an Idempotency-Key signs it too, and no other does."))
    if not _DIGEST.fullmatch(digest):
        _refuse_digest()
    base = signature_base(signed.params, method=method, path=path, query=query, digest=digest, key=key)
    if not hmac.compare_digest(hmac.digest(secret, base, "sha256"), signed.signature):
        refuse("auth.signature", say("The signature is not this key's of this request."))


def signature_base(params: str, *, method: str, path: str, query: str, digest: str, key: str) -> bytes:
    """Return the text that is signed (RFC 9421, 2.5)."""
    lines = [f'"@method": {method}', f'"@path": {path}', f'"@query": ?{query}', f'"content-digest": {digest}']
    if key:
        lines.append(f'"idempotency-key": {key}')
    return "\n".join([*lines, f'"@signature-params": {params}']).encode("utf-8", "surrogateescape")


def check_digest(header: str, body: bytes) -> None:
    """Accept a body that its Content-Digest is of.

    :raises Problem: it is of another.
    """
    found = _DIGEST.fullmatch(header)
    if found is None or not hmac.compare_digest(base64.b64decode(found[1]), hashlib.sha256(body).digest()):
        _refuse_digest()


def _refuse_digest() -> NoReturn:
    refuse("auth.digest", say("The header Content-Digest is not that of the body that came."))


def refuse(code: str, message: str) -> NoReturn:
    """Refuse a caller.

    :raises Problem: always.
    """
    raise Problem(401, code, message, most=WINDOW_S)
