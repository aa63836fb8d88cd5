"""Sealing: what can't be read in the database without the product's key, and how it is found without being opened.

AES-256-GCM everywhere. The identity key itself seals nothing: each purpose has a key derived from it (HKDF-SHA256), so
what was sealed for one can't pass for another. Each text is bound to what it is about, so no row can be moved to
another person.
"""

import base64
import hashlib
import hmac
import json
import secrets
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from greenloop.core.faults import Refusal, say

NONCE_BYTES = 12
PERSON, LOOKUP, SESSION, FACTOR, CACHE = "person keys", "look-up", "sessions", "second factors", "cache keys"
API, HOOK = "api keys", "webhook secrets"
"""The purposes that have a key of their own."""


def new_key() -> bytes:
    """Return a new key for one person."""
    return AESGCM.generate_key(256)


@lru_cache(maxsize=64)
def _derived(identity_key: str, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"greenloop/1/{purpose}".encode()).derive(identity_key.encode())


def product_key(purpose: str) -> bytes:
    """Return the product's own key for one purpose."""
    return _derived(settings.GREENLOOP_IDENTITY_KEY, purpose)


def refuse_unkept() -> None:
    """Keep anything from being sealed for good with a key that ends with this process.

    :raises Refusal: the identity key is not kept.
    """
    if not settings.GREENLOOP_IDENTITY_KEY_KEPT:
        message = say(
            "Who people are is sealed with a key, and none is kept yet: what is sealed now could never be read again. "
            "Let greenloop migrate keep one, or set GREENLOOP_IDENTITY_KEY."
        )
        raise Refusal("identity.unkept", message, field="GREENLOOP_IDENTITY_KEY")


def _sealed(plain: bytes, key: bytes, about: str) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, about.encode())


def _opened(sealed: bytes, key: bytes, about: str) -> bytes:
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode())


def seal(text: str, key: bytes, about: str) -> str:
    """Seal a text so that it opens with `key` only, and only as being about `about`."""
    return base64.b64encode(_sealed(text.encode(), key, about)).decode()


def unseal(sealed: str, key: bytes, about: str) -> str:
    """Open what `seal` made.

    :raises Refusal: it was sealed with another key, about something else, or has been changed.
    """
    try:
        return _opened(base64.b64decode(sealed), key, about).decode()
    except (InvalidTag, ValueError):
        message = say(
            "What is known of people was sealed with another key. Set GREENLOOP_IDENTITY_KEY, or the file identity-key "
            "in GREENLOOP_HOME, to the key that this database was written with."
        )
        raise Refusal("identity.key", message, field="GREENLOOP_IDENTITY_KEY") from None


def wrap(key: bytes, account_id: int) -> str:
    """Seal a person's key with the product's own.

    :raises Refusal: the identity key is not kept.
    """
    refuse_unkept()
    return seal(key.hex(), product_key(PERSON), f"person/{account_id}")


def unwrap(sealed_key: str, account_id: int) -> bytes:
    """Open a person's key.

    :raises Refusal: it was sealed with another identity key.
    """
    return bytes.fromhex(unseal(sealed_key, product_key(PERSON), f"person/{account_id}"))


def look_up(kind: str, value: str) -> str:
    """Return what an identifier is found by: who has the database alone can't try all phone numbers against it."""
    return hmac.new(product_key(LOOKUP), f"{kind}/{value}".encode(), hashlib.sha256).hexdigest()


def cache_key(key: str, prefix: str, version: int) -> str:
    """Name an entry of the cache: sign-in counters are kept by phone, name and address, which can't be read there."""
    return hmac.new(product_key(CACHE), f"{prefix}/{version}/{key}".encode(), hashlib.sha256).hexdigest()


class SealedSerializer:
    """Sessions as sealed JSON: while somebody signs in, theirs holds a phone and the code that was sent to it."""

    def dumps(self, obj: Any) -> bytes:
        """Seal a session."""
        return _sealed(json.dumps(obj, separators=(",", ":")).encode(), product_key(SESSION), "session")

    def loads(self, data: bytes) -> Any:
        """Open a session; one that was sealed with another key is empty, so its holder signs in again."""
        try:
            return json.loads(_opened(data, product_key(SESSION), "session"))
        except InvalidTag:
            return {}
