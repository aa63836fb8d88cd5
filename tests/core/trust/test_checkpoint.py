"""Checkpoints and keys in the forms of C2SP: what is written is read again, and nothing else is."""

import base64

import pytest

from greenloop.core.faults import Refusal
from greenloop.core.trust.checkpoint import Checkpoint, Key, Note, Signature, read_key, read_note

# The example of the form's first implementation (golang.org/x/mod/sumdb/note).
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SIGNED = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
QUOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"  # signed
)
KEY = Key("greenloop.example/log", bytes(range(32)))
NOTE = Note(
    Checkpoint(KEY.name, 300, bytes(range(100, 132))),
    (Signature(KEY.name, KEY.hash, bytes(64)), Signature("witness.example", b"\x01\x02\x03\x04", bytes(72))),
)


def test_the_known_key_is_read_and_proves_the_known_signature() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = read_key(PETER)
    assert (key.name, key.id, key.text) == ("PeterNeumann", "c74f20a3", PETER)
    told = base64.b64decode(SIGNED)
    assert told[:4] == key.hash
    Ed25519PublicKey.from_public_bytes(key.public).verify(told[4:], QUOTE.encode())


def test_a_checkpoint_is_three_lines_a_blank_one_and_its_signatures() -> None:
    assert NOTE.text.split("\n") == [
        "greenloop.example/log",
        "300",
        base64.b64encode(bytes(range(100, 132))).decode(),
        "",
        f"— greenloop.example/log {base64.b64encode(KEY.hash + bytes(64)).decode()}",
        f"— witness.example {base64.b64encode(bytes([1, 2, 3, 4]) + bytes(72)).decode()}",
        "",
    ]
    assert read_note(NOTE.text) == NOTE


def test_a_signature_is_its_key_s_only_by_name_hash_and_length() -> None:
    assert NOTE.by([KEY]) == [(KEY, NOTE.signatures[0])]
    assert NOTE.by([Key("other.example/log", KEY.public), Key(KEY.name, bytes(32))]) == []
    assert NOTE.by([Key("witness.example", KEY.public)]) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n300\n", "\n0300\n"),
        ("\n300\n", "\n-300\n"),
        ("\n300\n", "\n3 00\n"),
        ("\n300\n", "\n٣٠٠\n"),
        ("greenloop.example/log\n300", "\n300"),
        ("greenloop.example/log\n300", "a b\n300"),
        ("\n\n—", "\n—"),
        ("\n\n—", "\nmore\n\n—"),
        ("— green", "- green"),
        ("ZGVm", "ZGV"),
        ("— greenloop.example/log ", "— greenloop.example/log  "),
    ],
)
def test_a_text_that_is_nearly_a_checkpoint_is_refused(old: str, new: str) -> None:
    assert NOTE.text.count(old) >= 1
    with pytest.raises(Refusal, match="not a signed checkpoint"):
        read_note(NOTE.text.replace(old, new, 1))


@pytest.mark.parametrize("text", ["", "\n\n", "a\n1\n", NOTE.text[:-1], NOTE.checkpoint.text])
def test_half_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        read_note(text)


@pytest.mark.parametrize(
    "text", ["", "x", PETER[:-4], PETER.replace("c74f", "c74e"), PETER.replace("Peter", "Pete"), f"a b{PETER}"]
)
def test_a_text_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_key(text)
    assert refused.value.code == "log.key"
