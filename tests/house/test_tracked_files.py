"""What is committed says nothing about the machine it was written on, and holds no data."""

import re
from pathlib import Path

import pytest

from tests.house import files

HERE = Path(__file__)
MACHINE = re.compile(
    r"(?<![\w.$}-])/(?:work|root|opt|home/\w+|Users/\w+|tmp/\w+)(?![\w])"  # absolute paths of one machine
    r"|file://|--(?:extra-)?index-url|--find-links|files\.pythonhosted\.org|pypi\.org/simple"
    r"|registry\.npmjs\.org|(?:trusted|proxy)-host\s*="
)
DATA = {".parquet", ".sqlite3", ".db", ".csv", ".mo", ".pyc", ".whl", ".gz", ".zip", ".rda", ".feather", ".arrow"}
LARGE_BYTES = 400_000
GROWS = ".po"
"""Translations are one file a language, as large as what the product says."""


def test_no_committed_file_names_a_machine_s_paths_or_a_registry() -> None:
    found = [
        f"{files.named(path)}:{number}: {hit.group()}"
        for path, text in files.text_files()
        if path != HERE
        for number, line in enumerate(text.splitlines(), 1)
        for hit in MACHINE.finditer(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "cd " + "/" + "work/main",
        'open("' + "/" + 'root/.config")',
        "PATH=" + "/" + "opt/tool/bin",
        "see /home/someone/notes",
        "pip install --extra-index-url https://example.org/simple x",
        "--find-links wheels",
        "file:///somewhere",
    ],
)
def test_a_line_about_a_machine_is_seen(line: str) -> None:
    assert MACHINE.search(line)


@pytest.mark.parametrize("line", ["src/work/x", "the work/life balance", "/var/run/postgresql", "https://a.org/root/x"])
def test_a_line_about_no_machine_passes(line: str) -> None:
    assert not MACHINE.search(line)


def test_no_data_and_nothing_compiled_is_committed() -> None:
    found = [
        path
        for path in files.project_files()
        if path.suffix in DATA or (path.suffix != GROWS and path.stat().st_size > LARGE_BYTES)
    ]
    assert list(map(files.named, found)) == []


def test_every_text_file_ends_its_last_line_and_no_line_ends_in_blanks() -> None:
    found = [
        files.named(path)
        for path, text in files.text_files()
        if text and path.name != "LICENSE" and (not text.endswith("\n") or re.search(r"[ \t]$", text, re.MULTILINE))
    ]
    assert found == []
