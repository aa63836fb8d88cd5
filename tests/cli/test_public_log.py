"""The public log at the command line: published as files, checked from them alone, and every way to cheat is named."""

import functools
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from greenloop.core.trust.canonical import text_of
from greenloop.core.trust.checkpoint import Checkpoint, Key, Note, read_note
from greenloop.core.trust.log import leaf_hash, root_of
from greenloop.store import signer
from tests.cli.conftest import Greenloop, Said, Town, day

ORIGIN = "greenloop.example/log"
SIZES = (1, 100, 256, 300)


@pytest.fixture
def published(town: Town) -> Path:
    """Publish a log of some leaves under three checkpoints, and return its folder."""
    folder = town.folder / "log"
    town.call("log", "publish", str(folder))
    for cycle, number in ((1, 8), (2, 15)):
        town.call("settle", "--cycle", str(cycle), "--at", day(number, "02:00:00"))
        town.call("log", "publish", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make the files of a log of 300 leaves under four checkpoints, with nothing of the product's publishing."""
    made = tmp_path / "log"
    (made / "leaves").mkdir(parents=True)
    (made / "checkpoints").mkdir()
    facts: dict[str, object] = {"issued_fen": 0}
    leaves = [
        text_of({"about": f"x/{n}", "at": "2026-01-05T00:00:00.000000Z", "facts": facts, "kind": "x", "number": n})
        for n in range(SIZES[-1])
    ]
    rewrite(made, leaves)
    for size in SIZES:
        note, key = signer.sign(Checkpoint(ORIGIN, size, root_of([leaf_hash(each.encode()) for each in leaves[:size]])))
        (made / "checkpoints" / str(size)).write_text(note.text, "utf-8")
        (made / "checkpoint").write_text(note.text, "utf-8")
        (made / "key").write_text(f"{key.text}\n", "utf-8")
    (made / "checkpoints" / "list").write_text("".join(f"{size}\n" for size in SIZES))
    return made


def bodies(folder: Path) -> list[str]:
    return [line for path in sorted((folder / "leaves").iterdir()) for line in path.read_text("utf-8").splitlines()]


def rewrite(folder: Path, lines: list[str]) -> None:
    for number in range(2):
        text = "".join(f"{line}\n" for line in lines[number * 256 : number * 256 + 256])
        (folder / "leaves" / f"{number:06d}.jsonl").write_text(text, "utf-8")


def newest(folder: Path) -> Note:
    return read_note((folder / "checkpoint").read_text("utf-8"))


def sign_again(folder: Path) -> None:
    """Sign what lies in the folder now, as the log's owner could."""
    lines = bodies(folder)
    root = root_of([leaf_hash(line.encode()) for line in lines])
    note, _ = signer.sign(Checkpoint(newest(folder).checkpoint.origin, len(lines), root))
    for path in (folder / "checkpoints").iterdir():
        path.unlink()
    (folder / "checkpoints" / "list").write_text(f"{len(lines)}\n")
    (folder / "checkpoints" / str(len(lines))).write_text(note.text, "utf-8")
    (folder / "checkpoint").write_text(note.text, "utf-8")


def codes(said: Said) -> list[str]:
    return [each["code"] for each in said.json["findings"]]


def test_what_is_published_is_checked_from_its_files_alone(town: Town, published: Path) -> None:
    lines = bodies(published)
    sizes = (published / "checkpoints" / "list").read_text().split()
    assert (len(sizes), int(sizes[-1])) == (3, len(lines))
    assert not list(published.rglob("*.part"))
    said = town.call("verify", "log", str(published), "--json").json
    assert (said["holds"], said["leaves"], said["checkpoints"], said["seen"]) == (True, len(lines), 3, None)
    assert said["root"] == root_of([leaf_hash(line.encode()) for line in lines]).hex()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert (kinds[0], set(kinds[1:])) == ("rules", {"settlement"})
    told = town.call("verify", "log", str(published)).out
    assert "holds" in told
    assert "keep this one with --seen FILE" in " ".join(told.split())
    assert "Compare it with one that you have from elsewhere" in " ".join(told.split())


def test_the_check_needs_no_database_and_no_settings(published: Path) -> None:
    program = Path(sys.executable).parent / "greenloop"
    asked = [str(program), "verify", "log", str(published), "--json"]
    env = {"PATH": "/usr/bin:/bin", "GREENLOOP_DATABASE_URL": "sqlite:////nowhere/at-all.sqlite3", "HOME": "/nowhere"}
    run = subprocess.run(asked, env=env, capture_output=True, text=True, check=False, cwd="/")
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout)["holds"] is True


def test_the_key_that_is_printed_is_the_one_that_signs(town: Town, published: Path) -> None:
    key = town.call("log", "key", "--json").json["key"]
    assert (published / "key").read_text() == f"{key}\n"
    told = town.call("verify", "log", str(published), "--key", key).out
    assert "from elsewhere" not in told
    other = Key(newest(published).checkpoint.origin, bytes(32)).text
    said = town.call("verify", "log", str(published), "--key", other, "--json", code=1)
    assert codes(said) == ["signature"] * 3
    assert town.call("verify", "log", str(published), "--key", "x", "--json", code=1).json["code"] == "log.key"


def test_what_was_seen_is_kept_and_moves_on_with_the_log(town: Town, published: Path) -> None:
    seen = published.parent / "seen"
    town.call("verify", "log", str(published), "--seen", str(seen))
    kept = json.loads(seen.read_text("utf-8"))
    assert kept["checkpoint"] == newest(published).text
    before = newest(published).checkpoint.size
    town.call("settle", "--cycle", "3", "--at", day(22, "02:00:00"))
    town.call("log", "publish", str(published))
    said = town.call("verify", "log", str(published), "--seen", str(seen), "--json").json
    assert (said["seen"], said["checkpoints"]) == (before, 1)
    assert said["size"] > before
    assert json.loads(seen.read_text("utf-8"))["checkpoint"] == newest(published).text
    assert "only grew since the checkpoint" in town.call("verify", "log", str(published), "--seen", str(seen)).out


def drop(folder: Path) -> None:
    lines = bodies(folder)
    rewrite(folder, [*lines[:1], *lines[2:]])


def drop_the_last(folder: Path) -> None:
    rewrite(folder, bodies(folder)[:-1])


def edit(folder: Path) -> None:
    lines = bodies(folder)
    rewrite(folder, [*lines[:2], lines[2].replace('"issued_fen":0', '"issued_fen":1'), *lines[3:]])


def edit_its_form(folder: Path) -> None:
    lines = bodies(folder)
    rewrite(folder, [*lines[:2], lines[2].replace(":", ": ", 1), *lines[3:]])


def reorder(folder: Path) -> None:
    lines = bodies(folder)
    rewrite(folder, [lines[0], lines[2], lines[1], *lines[3:]])


def lose_the_leaves(folder: Path) -> None:
    (folder / "leaves" / "000000.jsonl").unlink()


def another_root(folder: Path) -> None:
    note = newest(folder)
    found = note.checkpoint
    forged = Note(Checkpoint(found.origin, found.size, bytes(32)), note.signatures)
    (folder / "checkpoint").write_text(forged.text, "utf-8")


def another_signature(folder: Path) -> None:
    text = (folder / "checkpoint").read_text("utf-8")
    at = text.rindex(" ") + 30
    changed = "A" if text[at] != "A" else "B"
    (folder / "checkpoint").write_text(text[:at] + changed + text[at + 1 :], "utf-8")


def lose_a_checkpoint(folder: Path) -> None:
    sizes = (folder / "checkpoints" / "list").read_text().split()
    (folder / "checkpoints" / sizes[1]).unlink()


def swap_checkpoints(folder: Path) -> None:
    first, second, *_ = (folder / "checkpoints" / "list").read_text().split()
    (folder / "checkpoints" / first).write_bytes((folder / "checkpoints" / second).read_bytes())


CHEATS: dict[Callable[[Path], None], tuple[set[str], str]] = {
    drop: ({"dropped", "truncated"}, "Leaf 1 was dropped: leaf 2 stands in place 1."),
    drop_the_last: ({"truncated"}, "The log is truncated"),
    edit: ({"changed"}, "The leaves don't hash to the checkpoint of 100: one of 1 to 99 was changed."),
    edit_its_form: ({"leaf", "changed"}, "Leaf 2 isn't canonical JSON: it was changed."),
    reorder: ({"reordered", "changed"}, "Leaves were reordered: leaf 2 stands in place 1."),
    lose_the_leaves: ({"missing", "truncated"}, "The file leaves/000000.jsonl is missing."),
    another_root: ({"signature", "changed"}, "isn't signed by a key that you go by"),
    another_signature: ({"signature"}, "isn't signed by a key that you go by"),
    lose_a_checkpoint: ({"missing"}, "The file checkpoints/"),
    swap_checkpoints: ({"checkpoint"}, "isn't this log's checkpoint of that size"),
}


def test_the_files_that_are_made_here_are_those_of_a_log(greenloop: Greenloop, folder: Path) -> None:
    said = greenloop("verify", "log", str(folder), "--json").json
    assert (said["holds"], said["size"], said["leaves"], said["checkpoints"]) == (True, 300, 300, 4)


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda cheat: cheat.__name__)
def test_each_way_to_cheat_with_the_files_is_named(
    greenloop: Greenloop, folder: Path, cheat: Callable[[Path], None]
) -> None:
    cheat(folder)
    wanted, sentence = CHEATS[cheat]
    said = greenloop("verify", "log", str(folder), "--json", code=1)
    assert wanted <= set(codes(said))
    assert any(sentence in each["what"] for each in said.json["findings"])
    assert sentence in " ".join(greenloop("verify", "log", str(folder), code=1).out.split())


FORKS: dict[Callable[[Path], None], tuple[str, str]] = {
    drop: ("cut", "The log was cut: its checkpoint covers 299 leaves, the one that you saw 300."),
    drop_the_last: ("cut", "The log was cut"),
    edit: ("forked", "The log was forked: its first 300 leaves aren't the ones that you saw."),
    reorder: ("forked", "The log was forked"),
}


@pytest.mark.parametrize("cheat", FORKS, ids=lambda cheat: cheat.__name__)
def test_history_that_its_owner_signs_anew_is_found_by_whoever_saw_it_before(
    greenloop: Greenloop, folder: Path, cheat: Callable[[Path], None]
) -> None:
    seen = folder.parent / "seen"
    greenloop("verify", "log", str(folder), "--seen", str(seen))
    kept = seen.read_bytes()
    cheat(folder)
    sign_again(folder)
    code, sentence = FORKS[cheat]
    said = greenloop("verify", "log", str(folder), "--seen", str(seen), "--json", code=1)
    assert code in codes(said)
    assert any(sentence in each["what"] for each in said.json["findings"])
    assert seen.read_bytes() == kept


def test_a_fork_that_goes_on_is_found_too(greenloop: Greenloop, folder: Path) -> None:
    seen = folder.parent / "seen"
    greenloop("verify", "log", str(folder), "--seen", str(seen))
    edit(folder)
    lines = bodies(folder)
    rewrite(folder, [*lines, lines[-1].replace('"number":299', '"number":300').replace("x/299", "x/300")])
    sign_again(folder)
    # Who has seen nothing finds nothing: that is why checkpoints are kept, and compared.
    assert greenloop("verify", "log", str(folder), "--json").json["size"] == 301
    said = greenloop("verify", "log", str(folder), "--seen", str(seen), "--json", code=1)
    assert codes(said) == ["forked"]


def test_a_thing_that_is_told_of_twice_is_found_however_well_it_is_signed(greenloop: Greenloop, folder: Path) -> None:
    lines = bodies(folder)
    again = lines[7].replace('"number":7', '"number":300').replace('"issued_fen":0', '"issued_fen":1')
    rewrite(folder, [*lines, again])
    sign_again(folder)
    said = greenloop("verify", "log", str(folder), "--json", code=1)
    assert codes(said) == ["twice"]
    assert said.json["findings"][0]["what"].startswith("Leaf 300 tells of the x x/7 again, which leaf 7 told of")


def test_a_key_of_another_log_proves_nothing_of_this_one(greenloop: Greenloop, folder: Path) -> None:
    note = newest(folder)
    other = signer.key("other.example/log")
    signed = signer.sign(Checkpoint("other.example/log", note.checkpoint.size, note.checkpoint.root))[0].signatures[0]
    # The owner of another log's key signs this log's text, under that log's name.
    own = signer._kept().sign(note.checkpoint.text.encode())
    forged = Note(note.checkpoint, (replace(signed, signature=own),))
    assert signer.signed_by(forged, [other])
    (folder / "checkpoint").write_text(forged.text, "utf-8")
    said = greenloop("verify", "log", str(folder), "--key", other.text, "--json", code=1)
    assert set(codes(said)) == {"signature"}
    assert len(codes(said)) == len(SIZES)


def test_another_log_is_not_taken_for_the_one_that_was_seen(greenloop: Greenloop, folder: Path) -> None:
    seen = folder.parent / "seen"
    greenloop("verify", "log", str(folder), "--seen", str(seen))
    found = newest(folder).checkpoint
    note, key = signer.sign(Checkpoint("other.example/log", found.size, found.root))
    (folder / "checkpoint").write_text(note.text, "utf-8")
    asked = ("verify", "log", str(folder), "--seen", str(seen), "--key", key.text, "--json")
    assert codes(greenloop(*asked, code=1)) == ["origin"]


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """Serve the folder as any web server does."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""


def test_a_log_is_checked_where_it_is_served(greenloop: Greenloop, folder: Path, address: str) -> None:
    assert greenloop("verify", "log", address, "--json").json["holds"] is True
    edit(folder)
    assert "changed" in codes(greenloop("verify", "log", f"{address}/", "--json", code=1))
    lose_the_leaves(folder)
    assert "missing" in codes(greenloop("verify", "log", address, "--json", code=1))


def test_what_is_no_log_is_refused(greenloop: Greenloop, folder: Path) -> None:
    def refused(*args: str) -> str:
        return str(greenloop(*args, "--json", code=1).json["code"])

    assert refused("verify", "log", str(folder / "leaves")) == "log.none"
    assert refused("verify", "log", "http://127.0.0.1:9/") == "log.unreachable"
    assert refused("verify", "tea", str(folder)) == "verify.what"
    assert refused("log", "brew") == "log.what"
    assert refused("log", "publish") == "log.what"
    seen = folder.parent / "seen"
    seen.write_text("{}")
    assert refused("verify", "log", str(folder), "--seen", str(seen)) == "log.seen"
    (folder / "checkpoint").write_text("x")
    assert refused("verify", "log", str(folder)) == "log.checkpoint"
    (folder / "checkpoint").write_bytes(b"\xff")
    assert refused("verify", "log", str(folder)) == "log.file"


def test_a_folder_of_another_log_is_left_alone(town: Town, published: Path) -> None:
    found = newest(published).checkpoint
    note, _ = signer.sign(Checkpoint(found.origin, found.size, bytes(32)))
    (published / "checkpoint").write_text(note.text, "utf-8")
    said = town.call("log", "publish", str(published), "--json", code=1).json
    assert said["code"] == "log.other"
    assert newest(published) == note


def test_nothing_is_published_of_an_empty_log(bare: Town) -> None:
    said = bare.call("log", "publish", str(bare.folder / "log"), "--json", code=1).json
    assert said["code"] == "log.unsigned"
    assert not (bare.folder / "log").exists()


def test_beside_a_server_what_it_has_signed_is_published(
    town: Town, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenloop.cli import database
    from greenloop.core.faults import Refusal

    def busy() -> None:
        raise Refusal("database.busy", "The server writes.")

    before = newest(published)
    town.call("settle", "--cycle", "3", "--at", day(22, "02:00:00"))
    monkeypatch.setattr(database, "writing", busy)
    said = town.call("log", "publish", str(town.folder / "beside"))
    assert "Nothing is signed anew. The server writes." in " ".join(said.err.split())
    assert newest(town.folder / "beside") == before


def test_the_newest_leaves_are_shown_with_what_is_signed(town: Town) -> None:
    said = town.call("log", "--json").json
    assert (said["size"], said["checkpoint"]) == (1, None)
    assert said["leaves"][0]["about"] == "rules/1"
    assert "Nothing is signed yet." in town.call("log").out
    town.call("log", "publish", str(town.folder / "log"))
    assert town.call("log", "--json").json["checkpoint"]["size"] == 1
    assert "1 leaves are signed" in town.call("log").out


def test_a_root_over_a_full_file_that_is_told_wrong_is_named(folder: Path, greenloop: Greenloop) -> None:
    lines = bodies(folder)
    top = root_of([leaf_hash(line.encode()) for line in lines[:256]]).hex()
    (folder / "tops").write_text(f"{top}\n")
    assert greenloop("verify", "log", str(folder), "--json").json["holds"] is True
    (folder / "tops").write_text(f"{'0' * 64}\n")
    assert codes(greenloop("verify", "log", str(folder), "--json", code=1)) == ["tops"]
