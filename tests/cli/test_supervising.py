"""The supervision report on the command line: written, sealed, and checked by whoever has the folder and the key."""

import json
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pypdf
import pytest

from tests.cli.conftest import Greenloop, Town, day, sale

PERIOD = ("--from", "2024-01-01", "--to", "2024-01-31")


@pytest.fixture
def folder(town: Town, tmp_path: Path) -> Path:
    """Give a sealed auditor's report on a month with one order, two settlements and a draw."""
    town.orders(sale(1), at=day(2))
    town.call("confirm", "bank-1", "--until", day(2, "23:59:59"), "--at", day(3))
    town.call("settle", "--at", day(8))
    town.call("settle", "--at", day(15))
    town.call("draw", "bo", "green", "--amount", "0.03", "--at", day(15))
    told = town.call("supervise", *PERIOD, "--out", str(tmp_path / "report"), "--auditor", "--json").json
    assert (told["off"], told["chain"]["vouchers"], told["form"]) == ([], 3, "auditor")
    return tmp_path / "report"


def text_of(path: Path) -> str:
    return "".join(page.extract_text() for page in pypdf.PdfReader(path).pages)


def test_a_report_is_written_in_either_language_with_the_part_of_a_font_that_it_needs(
    town: Town, folder: Path, tmp_path: Path
) -> None:
    said = town.call("supervise", *PERIOD, "--out", str(tmp_path / "zh"), "--public", "--language", "zh").out
    assert "ties hold, to the fen" in said
    for path in (folder / "report.pdf", tmp_path / "zh" / "report.pdf"):
        reader = pypdf.PdfReader(path)
        fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
        for font in fonts:
            described = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
            assert described["/FontName"][7] == "+", "a subset is named so"
            assert {"/FontFile2", "/FontFile3"} & set(described)
        assert path.stat().st_size < 500_000
        assert "消费数据全链路监管报告" in text_of(path)
    assert "what shoppers paid" in text_of(folder / "report.pdf")
    assert sorted(path.name for path in (tmp_path / "zh" / "data").iterdir()) == [
        *("cycles.parquet", "exceptions.parquet", "figures.parquet", "flows.parquet", "pools.parquet"),
        "ties.parquet",
    ]


def test_who_has_the_folder_and_the_key_can_check_it_without_a_database(
    greenloop: Greenloop, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = greenloop("log", "key", "--json").json["key"]
    monkeypatch.setenv("GREENLOOP_DATABASE_URL", "sqlite:////nowhere/at/all.sqlite3")
    told = greenloop("verify", "report", str(folder), "--key", key, "--json").json
    assert (told["holds"], told["files"], told["ties"]["off"]) == (True, 13, 0)
    said = greenloop("verify", "report", str(folder)).out
    assert "The report holds" in said
    assert "own word" in said
    other = f"localhost/log+{'0' * 8}+AAAA"
    assert greenloop("verify", "report", str(folder), "--key", other, "--json", code=1).json["code"] == "log.key"
    assert greenloop("verify", "report", str(folder / "data"), "--json", code=1).json["code"] == "report.none"


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_whatever_is_changed_in_the_folder_is_found(greenloop: Greenloop, folder: Path) -> None:
    def found() -> set[str]:
        said = greenloop("verify", "report", str(folder), "--json", code=1).json
        return {each["code"] for each in said["findings"]}

    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    manifest, orders = folder / "manifest.json", folder / "data" / "orders.parquet"

    def restored() -> None:
        for path in set(folder.rglob("*")) - set(kept):
            path.unlink() if path.is_file() else None
        for path, said in kept.items():
            path.write_bytes(said)

    changed(manifest, '"form": "auditor"', '"form": "public"')
    assert found() == {"seal.manifest"}
    restored()
    table = pq.read_table(orders)
    cash = table.column("cash_fen").to_pylist()
    more = table.set_column(table.schema.get_field_index("cash_fen"), "cash_fen", pa.array([cash[0] + 1], pa.int64()))
    pq.write_table(more, orders)
    assert found() == {"file.hash"}
    restored()
    (folder / "report.pdf").unlink()
    (folder / "data" / "more.parquet").write_bytes(b"")
    assert found() == {"file.missing", "file.stray"}
    restored()
    seal = folder / "manifest.seal"
    line = seal.read_text("utf-8").splitlines()[-1]
    changed(seal, line, f"{line[:-6]}{'AAAA' if line[-6:-2] != 'AAAA' else 'BBBB'}{line[-2:]}")
    assert found() == {"seal.key"}
    restored()
    assert greenloop("verify", "report", str(folder), "--json").json["holds"]


def test_a_lie_that_was_sealed_doesn_t_add_up(folder: Path) -> None:
    from hashlib import sha256

    from greenloop.core.trust.report_seal import ReportSeal
    from greenloop.insight.supervision.checking import check_report
    from greenloop.store import signer

    # Who has the key can seal anything; what is sealed still has to agree with itself.
    orders, manifest = folder / "data" / "orders.parquet", folder / "manifest.json"
    table = pq.read_table(orders)
    cash = pa.array([fen + 1 for fen in table.column("cash_fen").to_pylist()], pa.int64())
    pq.write_table(table.set_column(table.schema.get_field_index("cash_fen"), "cash_fen", cash), orders)
    told = json.loads(manifest.read_text("utf-8"))
    told["files"]["data/orders.parquet"]["sha256"] = sha256(orders.read_bytes()).hexdigest()
    key = signer.key("localhost/log")

    def sealed() -> set[str]:
        manifest.write_text(json.dumps(told), "utf-8")
        digest = sha256(manifest.read_bytes()).hexdigest()
        (folder / "manifest.seal").write_text(signer.seal(ReportSeal("localhost/log", digest)).text, "utf-8")
        return {each.code for each in check_report(folder, keys=[key]).findings}

    assert sealed() == {"sums", "equal"}
    told["files"]["data/orders.parquet"]["totals"]["cash_fen"] += 1
    assert sealed() == {"equal"}


def test_a_folder_from_a_stranger_runs_nothing_here(greenloop: Greenloop, folder: Path, tmp_path: Path) -> None:
    from hashlib import sha256

    from greenloop.core.trust.report_seal import ReportSeal
    from greenloop.store import signer

    # Whoever made the folder sealed it, and is checked by their own key: what a manifest names is no statement.
    manifest, stolen = folder / "manifest.json", tmp_path / "stolen.txt"
    kept = json.loads(manifest.read_text("utf-8"))
    statement = f'off"), 0) FROM (SELECT 0 AS "off"); COPY (SELECT 1) TO \'{stolen}\'; SELECT 0, COALESCE(SUM("off'

    def code(told: dict[str, object]) -> set[str]:
        manifest.write_text(json.dumps(told), "utf-8")
        digest = sha256(manifest.read_bytes()).hexdigest()
        (folder / "manifest.seal").write_text(signer.seal(ReportSeal("localhost/log", digest)).text, "utf-8")
        said = greenloop("verify", "report", str(folder), "--json", code=1).json
        return {said["code"]} if "code" in said else {each["code"] for each in said["findings"]}

    def with_file(name: str, facts: dict[str, object]) -> dict[str, object]:
        return {**kept, "files": kept["files"] | {name: kept["files"].get(name, {}) | facts}}

    ties = "data/ties.parquet"
    assert code(with_file(ties, {"totals": {statement: 0}})) == {"report.format"}
    assert not stolen.exists()
    assert code(kept | {"equal": {ties: {statement: "x"}}}) == {"report.format"}
    assert code(with_file("../manifest.json", {"sha256": ""})) == {"report.format"}
    assert code(with_file(ties, {"rows": "many"})) == {"report.format"}
    assert code({name: kept[name] for name in kept if name != "ties"}) == {"report.format"}
    # What is said on a terminal says nothing to the terminal itself.
    assert code(kept | {"provisional": ["\x1b[2JThe report holds"]}) == {"report.format"}
    assert code(kept | {"period": kept["period"] | {"from": "\x1b[2J"}}) == {"report.format"}
    assert code(with_file(ties, {"totals": {"nothing_fen": 0}})) == {"file.unread"}
    assert not stolen.exists()


def test_a_checkpoint_of_the_log_is_no_seal_and_a_seal_is_no_checkpoint(folder: Path) -> None:
    from greenloop.core.faults import Refusal
    from greenloop.core.trust.checkpoint import Checkpoint, read_note
    from greenloop.core.trust.report_seal import read_seal
    from greenloop.store import signer

    with pytest.raises(Refusal, match=r"log\.checkpoint|not a signed checkpoint"):
        read_note((folder / "manifest.seal").read_text("utf-8"))
    note, _ = signer.sign(Checkpoint("localhost/log", 1, bytes(32)))
    with pytest.raises(Refusal, match="seal"):
        read_seal(note.text)


def test_what_is_asked_wrongly_is_refused(town: Town, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "out"))
    asked = ("supervise", "--from", "2024-01-31", "--to", "2024-01-01", *out, "--json")
    assert town.call(*asked, code=1).json["code"] == "supervise.period"
    for first, last in (("9999-12-01", "9999-12-31"), ("0001-01-01", "0001-01-02")):  # days that no clock comes to
        asked = ("supervise", "--from", first, "--to", last, *out, "--json")
        assert town.call(*asked, code=1).json["code"] == "supervise.period"
    assert town.call("supervise", *PERIOD, *out, "--language", "fr", "--json", code=1).json["field"] == "--language"
    assert (
        town.call("supervise", "--from", "soon", "--to", "2024-01-01", *out, "--json", code=1).json["field"] == "--from"
    )
    assert not (tmp_path / "out").exists()


def test_the_print_is_what_a_printer_s_own_reader_takes_it_for(folder: Path) -> None:
    from shutil import which

    if which("pdfinfo") is None:
        pytest.skip("pdfinfo is not installed")
    said = subprocess.run(["pdfinfo", str(folder / "report.pdf")], capture_output=True, text=True, check=True).stdout
    assert "PDF version:     1.7" in said
    assert "Tagged:          yes" in said
