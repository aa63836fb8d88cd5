"""What is published of a content that not everybody may know: a hash with a salt, so that guessing it proves nothing.

Amounts and rates are few enough to try them all against a plain hash. The salt is told with the content, to whoever may
know it, and to nobody else.
"""

from hashlib import sha256

SALT_BYTES = 32
"""Of a salt, drawn at random for one content alone; a SHA-256 has as many."""


def commitment(*, salt: str, content_hash: str) -> str:
    """Return what is published, in hex: SHA-256 over the bytes of the salt, then the bytes of the content's SHA-256.

    Both are given in hex.

    :raises ValueError: one of them isn't 32 bytes in hex.
    """
    told = bytes.fromhex(salt), bytes.fromhex(content_hash)
    if any(len(each) != SALT_BYTES for each in told):
        raise ValueError("a commitment is over 32 bytes of salt and 32 of a hash")
    return sha256(b"".join(told)).hexdigest()
