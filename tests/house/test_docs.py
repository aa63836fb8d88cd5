"""The docs are true: commands exist and take those options, links lead somewhere, both languages show the same."""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.house import files

READMES = ("README.md", "README.zh-CN.md")
GREENLOOP = Path(sys.executable).parent / "greenloop"
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    return [path for path in files.project_files() if path.suffix == ".md"]


def shown(text: str, program: str) -> set[str]:
    """Return the command lines that a page shows in code, from `program` on, without comments and prompts."""
    lines = [line for _, block in FENCE.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    lines += SPAN.findall(FENCE.sub("", text))
    starts = (re.search(rf"(?:^\s*(?:\$ +)?|[|;&] *|=\S+ +)({program}(?![\w-])[^|;&#>]*)", line) for line in lines)
    return {" ".join(start.group(1).split()) for start in starts if start}


def everywhere(program: str) -> list[tuple[str, str]]:
    return [(files.named(page), line) for page in pages() for line in sorted(shown(page.read_text("utf-8"), program))]


def test_commands_are_found_in_fences_and_in_code_spans() -> None:
    fence = "```sh\n$ make test ARGS=-x  # all\nSEED=1 make bench\n  greenloop check | less\n```\n"
    text = f"Run `make demo`.\n\n{fence}make sense\n"
    assert shown(text, "make") == {"make demo", "make test ARGS=-x", "make bench"}
    assert shown(text, "greenloop") == {"greenloop check"}


@cache
def makefile() -> str:
    return (files.ROOT / "Makefile").read_text("utf-8")


def unknown_to_make(line: str) -> list[str]:
    """Return the words of a make command line that the Makefile doesn't know."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile(), re.MULTILINE))
    words = line.split()[1:]
    variables = [word.split("=")[0] for word in words if "=" in word]
    wrong = [name for name in variables if not re.search(rf"\b{re.escape(name)}\b", makefile())]
    return wrong + [word for word in words[:1] if re.fullmatch(r"[a-z-]+", word) and word not in targets]


def test_every_make_command_that_the_docs_show_exists() -> None:
    assert [(page, line) for page, line in everywhere("make") if unknown_to_make(line)] == []


def test_a_make_command_that_does_not_exist_is_seen() -> None:
    assert unknown_to_make("make tea")
    assert unknown_to_make("make demo SUGAR=2")
    assert not unknown_to_make("make demo SERVE=no ORDERS=4000")


@cache
def help_of(*command: str) -> str | None:
    """Return what `greenloop <command> --help` says, or None if there is no such command."""
    plain = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb", "GREENLOOP_LANG": "en"}
    run = subprocess.run([GREENLOOP, *command, "--help"], env=plain, capture_output=True, text=True, check=False)
    return run.stdout if run.returncode == 0 else None


def unknown_to_greenloop(line: str) -> list[str]:
    """Return the words of a greenloop command line that the program doesn't know."""
    words = line.split()[1:]
    command = words[:1] if words and re.fullmatch(r"[a-z][a-z-]*", words[0]) else []
    told = help_of(*command)
    if told is None:
        return command or ["greenloop"]
    options = [word.split("=")[0].rstrip("].,") for word in words if word.lstrip("[").startswith("--")]
    return [option for option in options if not re.search(rf"(?<![\w-]){re.escape(option.lstrip('['))}(?![\w-])", told)]


def test_every_greenloop_command_that_the_docs_show_exists_with_its_options() -> None:
    wrong = {(page, line): unknown_to_greenloop(line) for page, line in everywhere("greenloop")}
    assert {shown_at: words for shown_at, words in wrong.items() if words} == {}


def test_every_option_of_the_verifier_that_the_docs_show_exists() -> None:
    command = [sys.executable, "-m", "greenloop_verify", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line for _, line in everywhere("greenloop-verify")]
    assert lines
    options = {word for line in lines for word in line.split() if word.startswith("--")}
    assert [option for option in options if option not in told] == []


def test_a_greenloop_command_that_does_not_exist_is_seen() -> None:
    assert help_of() is not None, "greenloop --help doesn't answer"
    assert unknown_to_greenloop("greenloop brew")
    assert unknown_to_greenloop("greenloop check --sugar 2")
    assert not unknown_to_greenloop("greenloop check --json")


def anchors(text: str) -> set[str]:
    """Return the anchors that a page's headings get."""
    headings = re.findall(r"^#+ +(.+?) *$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path, text: str) -> list[str]:
    """Return the relative links of a page that lead to no file or no heading."""
    broken = []
    for link in LINK.findall(FENCE.sub("", text)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        headings = (
            anchors(target.read_text("utf-8")) if anchor and target.suffix == ".md" and target.is_file() else {anchor}
        )
        if not target.exists() or not target.is_relative_to(files.ROOT) or anchor not in headings:
            broken.append(link)
    return broken


def test_every_link_between_pages_leads_somewhere() -> None:
    found = {files.named(page): broken_links(page, page.read_text("utf-8")) for page in pages()}
    assert {page: links for page, links in found.items() if links} == {}


@pytest.mark.parametrize("link", ["nowhere.md", "../../outside.md", "CHANGELOG.md#no-such-heading"])
def test_a_link_that_leads_nowhere_is_seen(link: str) -> None:
    assert broken_links(files.ROOT / "README.md", f"See [this]({link}).") == [link]


def test_a_link_to_a_heading_is_followed() -> None:
    assert broken_links(files.ROOT / "README.md", "See [this](CHANGELOG.md#unreleased).") == []


@pytest.mark.parametrize("program", ["make", "greenloop"])
def test_both_readmes_show_the_same_commands(program: str) -> None:
    english, chinese = (shown((files.ROOT / name).read_text("utf-8"), program) for name in READMES)
    assert english == chinese
