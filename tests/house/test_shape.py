"""Size, names and purity: one idea a file, and a core that could run anywhere."""

import ast
import re
from collections.abc import Callable, Iterator
from statistics import median

import pytest

from tests.house import files, rules

Rule = Callable[[ast.Module], Iterator[str]]
UNFINISHED = re.compile(r"\b(?:FIX" + r"ME|TO" + r"DO|XX" + r"X|HA" + r"CK)\b")
ONE_FILE = "src/greenloop_verify/verify.py"
"""The verifier: long, because an auditor carries it alone and reads it from top to bottom."""
NO_ROOM_FOR = frozenset({"utils", "util", "helpers", "helper", "common", "base", "managers", "signals", "misc"})


def faults(rule: Rule, *folders: str) -> list[str]:
    return [f"{files.named(path)}:{fault}" for path in files.modules(*folders) for fault in rule(files.tree(path))]


@pytest.mark.parametrize("rule", [rules.floats, rules.impurities, rules.imports_off_the_list])
def test_core_is_pure_and_exact(rule: Rule) -> None:
    assert files.modules("src/greenloop/core")
    assert faults(rule, "src/greenloop/core") == []


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (rules.floats, "rate = 0.5"),
        (rules.floats, "share = a / b"),
        (rules.floats, "share /= b"),
        (rules.floats, "far = 1e3"),
        (rules.impurities, "at = datetime.now(UTC)"),
        (rules.impurities, "on = date.today()"),
        (rules.impurities, "x = float(y)"),
        (rules.impurities, "print(x)"),
        (rules.imports_off_the_list, "import random"),
        (rules.imports_off_the_list, "import time"),
        (rules.imports_off_the_list, "from math import sqrt"),
        (rules.imports_off_the_list, "from django.db import models"),
        (rules.imports_off_the_list, "from greenloop.store import models"),
        (rules.imports_off_the_list, "from greenloop import core_of_something_else"),
        (rules.imports_off_the_list, "def f():\n    import os"),
        (rules.long_functions, "def f():\n" + "    x = 1\n" * rules.FUNCTION_LINES_MAX),
        (rules.long_functions, "class A:\n  async def f(self):\n" + "    x = 1\n" * rules.FUNCTION_LINES_MAX),
    ],
)
def test_each_rule_of_shape_can_fail(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source)))


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (rules.floats, "half = a // 2"),
        (rules.impurities, "at = calendar.cutoff_at(cycle)"),
        (rules.imports_off_the_list, "from greenloop.core.money import ceil_div\nfrom collections.abc import Iterable"),
        (rules.long_functions, "def f():\n" + "    x = 1\n" * (rules.FUNCTION_LINES_MAX - 1)),
    ],
)
def test_no_rule_of_shape_refuses_what_is_right(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source))) == []


def test_no_function_is_longer_than_fifty_lines() -> None:
    assert faults(rules.long_functions, "src", "tests", "bench") == []


def lengths(*folders: str) -> dict[str, int]:
    return {
        files.named(path): len(path.read_text("utf-8").splitlines())
        for path in files.modules(*folders)
        if not files.is_migration(path)
    }


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    found = lengths("src", "tests", "bench")
    assert {name for name, lines in found.items() if lines > rules.MODULE_LINES_MAX} <= {ONE_FILE}
    assert found[ONE_FILE] <= 1_050


def test_half_of_the_modules_have_at_most_a_hundred_and_twenty_lines() -> None:
    found = [lines for name, lines in lengths("src").items() if not name.endswith("__init__.py")]
    assert median(found) <= rules.MODULE_LINES_MEDIAN_MAX


def test_every_folder_of_src_opens_with_a_sentence_on_what_lives_there() -> None:
    folders = {path.parent for path in files.modules("src")}
    opened = {folder for folder in folders if (folder / "__init__.py").is_file()}
    assert sorted(map(files.named, folders - opened)) == []
    silent = [folder for folder in opened if len(ast.get_docstring(files.tree(folder / "__init__.py")) or "") < 20]
    assert sorted(map(files.named, silent)) == []


def test_no_module_has_a_name_that_anything_would_fit_under() -> None:
    found = [
        p for p in files.modules("src", "tests", "bench") if NO_ROOM_FOR & {*p.relative_to(files.ROOT).parts, p.stem}
    ]
    assert list(map(files.named, found)) == []


def test_nothing_unfinished_is_left_marked() -> None:
    found = [
        f"{files.named(path)}:{number}"
        for path, text in files.text_files()
        if path != files.ROOT / "LICENSE"
        for number, line in enumerate(text.splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert found == []


def test_the_marks_of_unfinished_work_are_known() -> None:
    assert UNFINISHED.search("# TO" + "DO: later")
    assert UNFINISHED.search("// FIX" + "ME")
    assert not UNFINISHED.search("todos los fixmes")
