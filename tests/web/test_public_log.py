"""The public log in a browser: anybody sees it, and what is served is byte for byte what is published as files."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import Client

from greenloop.config import clock
from greenloop.insight.public_log.files import publish
from greenloop.services.trust.log import keeping, steps
from greenloop.store.queries import log, logged
from tests.support.databases import Database
from tests.support.signing import page
from tests.support.town import Town

NOW = datetime.now(UTC)


@pytest.fixture
def long_log(town: Town) -> Town:
    """Give the town a log of more than one file, with two checkpoints and a leaf that waits for a third."""
    from django.db import transaction

    def append(count: int) -> None:
        first = log.size()
        told = [logged.Told("note", f"note/{first + place}", {"n": first + place}) for place in range(count)]
        with transaction.atomic():
            steps.append_leaves(told, at=NOW)

    for count in (99, 200):
        append(count)
        keeping.sign_log(at=NOW)
    append(1)
    return town


def test_anybody_sees_the_newest_checkpoint_and_the_last_leaves(long_log: Town) -> None:
    del long_log
    shown = page(Client().get("/log/"))
    newest = log.newest_checkpoint()
    assert newest is not None
    root = newest.note.text.splitlines()[2]
    for told in ("Newest checkpoint", root, newest.key.id, "note/300", "greenloop verify log http://testserver/log/"):
        assert told in shown
    assert "wait for the next checkpoint: 1" in shown
    assert b'href="/log/leaves/000001.jsonl"' in Client().get("/log/").content
    assert "rules/1" not in shown
    assert "note/280" in page(Client().get("/log/?before=281"))
    assert "rules/1" in page(Client().get("/log/?before=5"))
    assert "note/300" in page(Client(headers={"accept-language": "zh-hans"}).get("/log/"))


def test_what_is_served_is_what_is_published(long_log: Town, tmp_path: Path) -> None:
    del long_log
    publish(tmp_path)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert names == [
        *("checkpoint", "checkpoints/100", "checkpoints/300", "checkpoints/list", "key"),
        *("leaves/000000.jsonl", "leaves/000001.jsonl", "tops"),
    ]
    for name in names:
        answer = Client().get(f"/log/{name}")
        assert answer.status_code == 200, name
        assert answer.content == (tmp_path / name).read_bytes(), name
        assert answer["Content-Type"] == "text/plain; charset=utf-8"


def test_only_what_never_changes_is_kept_on_the_way(long_log: Town) -> None:
    del long_log
    for name, settled in (
        *(
            ("checkpoint", False),
            ("checkpoints/list", False),
            ("checkpoints/100", True),
            ("key", False),
            ("tops", False),
        ),
        *(("leaves/000000.jsonl", True), ("leaves/000001.jsonl", False)),
    ):
        assert ("immutable" in Client().get(f"/log/{name}")["Cache-Control"]) is settled, name


@pytest.mark.parametrize(
    "name", ["leaves/000002.jsonl", f"leaves/{'9' * 30}.jsonl", "checkpoints/99", f"checkpoints/{'9' * 30}", "leaves/"]
)
def test_what_is_not_signed_is_not_there(long_log: Town, name: str) -> None:
    del long_log
    assert Client().get(f"/log/{name}").status_code == 404


def test_a_log_without_a_checkpoint_says_so(database: Database) -> None:
    del database
    shown = page(Client().get("/log/"))
    assert "Nothing is signed yet" in shown
    assert "Nothing is in the log yet." in shown
    for name in ("checkpoint", "leaves/000000.jsonl", "checkpoints/1"):
        assert Client().get(f"/log/{name}").status_code == 404
    assert Client().get("/log/key").content == b""
    assert Client().get("/log/checkpoints/list").content == b""


def test_a_log_is_read_and_never_written_to(long_log: Town) -> None:
    del long_log
    for name in ("", "checkpoint", "leaves/000000.jsonl"):
        assert Client().post(f"/log/{name}").status_code == 405


def test_each_hour_the_clock_signs_and_publishes(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.conf import settings

    del town
    monkeypatch.setattr(settings, "GREENLOOP_LOG_FOLDER", str(tmp_path / "log"))
    done = clock.WORK["log"]("2026-01-06T10", NOW)
    assert done == {"leaves": 1}
    newest = log.newest_checkpoint()
    assert newest is not None
    assert (tmp_path / "log" / "checkpoint").read_text("utf-8") == newest.note.text
