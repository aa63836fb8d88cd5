"""SQLite's log, archived while somebody writes: every commit comes back, none twice, none that came later."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from greenloop.core.faults import Breach, Refusal
from greenloop.store.backup import chain, files, packing, shipping, sqlite
from tests.store.writing import BEGINS_AT, Writing, silent, writing


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Writing]:
    with writing(tmp_path) as made:
        yield made


def up_to(number: int) -> list[int]:
    return list(range(1, number + 1))


def test_each_instant_that_was_archived_comes_back_as_it_was(file: Writing) -> None:
    file.write(5)
    with file.shipped() as shipper:
        marks = {file.copy(shipper): 5}
        for _ in range(6):
            newest = file.write(3)
            shipper.ship()
            marks[shipper.shipped_at] = newest
    assert {at: file.restored(at) for at in marks} == {at: up_to(newest) for at, newest in marks.items()}
    assert file.restored() == up_to(23)


def test_nothing_is_missing_over_many_restarts_of_the_log(file: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "TURN_FRAMES", 10)
    with file.shipped() as shipper:
        file.copy(shipper)
        marks = {}
        for _ in range(40):
            newest = file.write(7)
            shipper.ship()
            marks[shipper.shipped_at] = newest
        assert shipper.restart > 20, "the log never started again, so nothing is tried"
    some = dict(list(marks.items())[::9])
    assert {at: file.restored(at) for at in some} == {at: up_to(newest) for at, newest in some.items()}


def test_a_restore_starts_from_the_newest_copy_before_the_instant(file: Writing) -> None:
    with file.shipped() as shipper:
        first = file.copy(shipper)
        file.write(4)
        second = file.copy(shipper)
        file.write(4)
        shipper.ship()
    into = file.folder.parent / "from-the-second"
    made = sqlite.restore(file.folder, into=into, until=None, progress=silent)
    assert (made.snapshot_at, made.at) == (second, shipper.shipped_at)
    assert (file.restored(first), file.restored(second)) == ([], up_to(4))


def test_a_reader_that_stays_only_makes_the_log_longer(file: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "TURN_FRAMES", 10)
    with closing(sqlite3.connect(file.path, isolation_level=None)) as reader, file.shipped() as shipper:
        file.copy(shipper)
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM written").fetchone()
        for _ in range(10):
            file.write(10)
            shipper.ship()
        reader.rollback()
        file.write(10)
        shipper.ship()
    assert file.restored() == up_to(110)


def test_a_writer_that_never_lets_go_does_not_stop_the_shipping(file: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "TURN_FRAMES", 10)
    with closing(sqlite3.connect(file.path, isolation_level=None)) as other, file.shipped() as shipper:
        file.copy(shipper)
        file.write(30)
        other.execute("BEGIN IMMEDIATE")
        shipper.ship()
        assert file.restored() == up_to(30)
        other.rollback()


def test_an_administrator_can_truncate_the_log_only_when_all_of_it_was_shipped(
    file: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = file.path.with_name(f"{file.path.name}-wal")
    file.writer.execute("PRAGMA busy_timeout=0")
    with file.shipped() as shipper:
        file.copy(shipper)
        for turn_frames in (10**6, 10):
            monkeypatch.setattr(shipping, "TURN_FRAMES", turn_frames)
            file.write(30)
            shipper.ship()
            file.write(1)
            file.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            assert log.stat().st_size > 0
        monkeypatch.setattr(shipping, "TURN_FRAMES", 1)
        shipper.ship()
        file.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert log.stat().st_size == 0
        file.write(30)
        shipper.ship()
    assert file.restored() == up_to(92)


def test_a_new_run_begins_after_the_archiver_was_away(file: Writing) -> None:
    with file.shipped() as shipper:
        file.copy(shipper)
        file.write(3)
        shipper.ship()
        before = shipper.shipped_at
    file.write(5000)
    with file.shipped() as shipper:
        file.copy(shipper)
        file.write(2)
        shipper.ship()
    assert file.restored(before) == up_to(3)
    assert file.restored() == up_to(5005)


def test_a_file_that_was_replaced_is_not_followed(file: Writing) -> None:
    with file.shipped() as shipper:
        file.copy(shipper)
        file.path.rename(file.path.with_name("gone"))
        with pytest.raises(Breach, match="isn't the file any more"):
            shipper.ship()


@pytest.mark.parametrize("harm", ["first", "lost", "changed", "cut", "frames"])
def test_damage_to_the_archive_is_named_and_nothing_is_restored(file: Writing, harm: str) -> None:
    with file.shipped() as shipper:
        file.copy(shipper)
        for _ in range(4):
            file.write(2)
            shipper.ship()
    pieces = [piece.path for piece in chain.links(shipper.run, "log")]
    inflict(harm, pieces[0] if harm == "first" else pieces[1])
    into = file.folder.parent / "damaged"
    with pytest.raises(Refusal) as refused:
        sqlite.restore(file.folder, into=into, until=None, progress=silent)
    assert refused.value.code == "restore.damaged"
    assert not into.exists()


def inflict(harm: str, path: Path) -> None:
    whole = path.read_bytes()
    if harm in ("first", "lost"):
        path.unlink()
    elif harm == "frames":  # sound as a file, but a page in it isn't what SQLite wrote
        frames = bytearray(packing.unpack(whole))
        frames[200] ^= 1
        path.write_bytes(packing.pack(bytes(frames)))
    else:
        path.write_bytes(whole[:-9] if harm == "cut" else whole[:40] + bytes(8) + whole[48:])


def test_a_damaged_copy_is_named(file: Writing) -> None:
    file.write(20)
    with file.shipped() as shipper:
        file.copy(shipper)
    (copy,) = chain.links(shipper.run, "snapshot")
    whole = bytearray(copy.path.read_bytes())
    whole[5000] ^= 1
    copy.path.write_bytes(whole)
    with pytest.raises(Refusal) as refused:
        file.restored()
    assert refused.value.facts["path"] == copy.path


def test_what_no_restore_needs_is_removed_and_the_rest_can_still_be_restored(
    file: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "TURN_FRAMES", 10)
    marks = {}
    for _ in range(2):
        with file.shipped() as shipper:
            for _ in range(3):
                file.copy(shipper)
                for _ in range(4):
                    newest = file.write(7)
                    shipper.ship()
                    marks[shipper.shipped_at] = newest
    keep_from = sorted(marks)[17]
    removed = chain.prune(file.folder, before=keep_from)
    assert removed
    kept = {at: newest for at, newest in marks.items() if at >= keep_from}
    assert {at: file.restored(at) for at in kept} == {at: up_to(newest) for at, newest in kept.items()}
    with pytest.raises(Refusal, match="as old as that"):
        file.restored(min(marks))
    assert chain.prune(file.folder, before=BEGINS_AT) == []


def test_nothing_is_left_of_a_run_that_no_restore_needs(file: Writing) -> None:
    runs = []
    for _ in range(2):
        with file.shipped() as shipper:
            first = file.copy(shipper)
            file.write(3)
            shipper.ship()
            second = file.copy(shipper)
            runs.append(shipper.run)
    (copy, _) = chain.links(runs[0], "snapshot")
    copy.path.with_name(f"{copy.path.name}.part").write_bytes(b"a copy that was cut short")
    cut = chain.link(runs[1], "snapshot", number=0, restart=0, at=first).path
    cut.with_name(f"{cut.name}.part").write_bytes(b"another")
    chain.prune(file.folder, before=second)
    assert [path.name for path in file.folder.iterdir()] == [runs[1].name]
    left = [path.name for path in runs[1].iterdir() if ".log" not in path.suffixes]
    (kept,) = chain.links(runs[1], "snapshot")
    assert sorted(left) == [kept.path.name, chain.sum_of(kept.path).name]
    assert file.restored() == up_to(6)


def test_a_copy_that_was_cut_short_before_its_digest_does_not_count(file: Writing) -> None:
    with file.shipped() as shipper:
        whole = file.copy(shipper)
        file.write(3)
        cut = file.copy(shipper)
    assert cut > whole
    *_, newest = chain.links(shipper.run, "snapshot")
    chain.sum_of(newest.path).unlink()
    newest.path.write_bytes(b"as an earlier version left it")
    assert file.restored() == up_to(3)


def test_the_digest_of_a_copy_is_there_before_the_copy(file: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    put = files.put

    def look(path: Path, data: bytes) -> None:
        put(path, data)
        if path.suffix == ".sha256":
            seen.append(list(chain.links(path.parent, "snapshot")))

    monkeypatch.setattr(files, "put", look)
    with file.shipped() as shipper:
        file.copy(shipper)
    assert seen == [[]]


def test_an_archive_goes_on_over_a_clock_that_was_set_back(file: Writing) -> None:
    with file.shipped() as shipper:
        file.copy(shipper)
        for _ in range(10):
            file.write()
            shipper.ship()
        before = shipper.shipped_at
        right = shipper.now
        shipper.now = lambda: right() - timedelta(seconds=5)
        for _ in range(10):
            file.write()
            shipper.ship()
    assert file.restored() == up_to(20)
    found = {ahead: file.restored(before + timedelta(seconds=ahead)) for ahead in range(-6, 7)}
    # Until the clock was set back, what was committed then; afterwards all up to the first piece that is later.
    assert {ahead: len(rows) for ahead, rows in found.items() if ahead < 0} == {n: 10 + n for n in range(-6, 0)}
    assert {ahead: rows == up_to(len(rows)) for ahead, rows in found.items()} == dict.fromkeys(found, True)
    assert [len(found[ahead]) for ahead in range(7)] == sorted(len(found[ahead]) for ahead in range(7))


def test_a_restore_says_whether_the_archive_ends_before_the_instant_asked_for(file: Writing) -> None:
    with file.shipped() as shipper:
        first = file.copy(shipper)
        file.write()
        shipper.ship()
    newest = shipper.shipped_at

    def ended_early(until: datetime | None) -> bool:
        into = file.folder.parent / f"until-{next(file.seconds)}"
        return sqlite.restore(file.folder, into=into, until=until, progress=silent).ended_early

    assert [ended_early(until) for until in (None, first)] == [False, False]
    assert ended_early(newest + timedelta(seconds=1))
