"""The trial balance after every test that had a database."""

from importlib import import_module
from importlib.util import find_spec


def assert_books_hold() -> None:
    """Prove every invariant of the books in the database that Django is pointed at; fail with what is broken."""
    if find_spec("greenloop.insight") is None or find_spec("greenloop.insight.check") is None:
        return
    check = import_module("greenloop.insight.check")
    broken = [str(proof) for proof in check.check() if not proof.holds]
    assert not broken, "the books don't hold:\n" + "\n".join(broken)
