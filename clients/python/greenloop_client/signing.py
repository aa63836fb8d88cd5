"""Signatures of requests: RFC 9421 with HMAC-SHA256, in the one form that Greenloop accepts."""

import base64
import hashlib
import hmac
import secrets
import time


def signature(token: str, *, method: str, target: str, body: bytes, key: str = "") -> dict[str, str]:
    """Return the headers that sign a request to `target` (path and query); `key` is its Idempotency-Key."""
    _, number, secret = token.split("_", 2)
    path, _, query = target.partition("?")
    digest = f"sha-256=:{_base64(hashlib.sha256(body).digest())}:"
    covered = '"@method" "@path" "@query" "content-digest"' + (' "idempotency-key"' if key else "")
    params = (
        f'({covered});created={int(time.time())};keyid="{number}";nonce="{secrets.token_hex(16)}";alg="hmac-sha256"'
    )
    lines = [f'"@method": {method}', f'"@path": {path}', f'"@query": ?{query}', f'"content-digest": {digest}']
    lines += [f'"idempotency-key": {key}'] if key else []
    base = "\n".join([*lines, f'"@signature-params": {params}']).encode()
    made = _base64(hmac.digest(secret.encode(), base, "sha256"))
    return {"Content-Digest": digest, "Signature-Input": f"sig={params}", "Signature": f"sig=:{made}:"}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
