"""Secrets of endpoints, and signatures by the Standard Webhooks convention: HMAC-SHA256 over id, time and body."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from greenloop.store import sealed

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """Draw the secret of an endpoint; it is shown once."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal(secret: str, endpoint_id: int) -> str:
    """Seal a secret so that it opens for this endpoint alone.

    :raises Refusal: the identity key is not kept.
    """
    sealed.refuse_unkept()
    return sealed.seal(secret, sealed.product_key(sealed.HOOK), f"webhook/{endpoint_id}")


def unseal(text: str, endpoint_id: int) -> bytes:
    """Return the bytes of an endpoint's secret.

    :raises Refusal: it was sealed with another identity key.
    """
    secret = sealed.unseal(text, sealed.product_key(sealed.HOOK), f"webhook/{endpoint_id}")
    return base64.b64decode(secret.removeprefix(PREFIX))


def headers(*, event_id: int, body: bytes, keys: Sequence[bytes], at: datetime) -> dict[str, str]:
    """Return the headers that say what is sent, when, and that it is ours; with two keys, either proves it."""
    stamp = str(int(at.timestamp()))
    signed = b".".join((str(event_id).encode(), stamp.encode(), body))
    made = (base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys)
    return {
        "webhook-id": str(event_id),
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in made),
    }
