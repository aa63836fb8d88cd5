"""The list of guardrails is true: each names tests that exist and run, and the page of docs shows the same list."""

import ast
import re
from functools import cache

import pytest

from greenloop.insight.guardrails.listed import GUARDRAILS, Guardrail
from tests.house import files

PAGE = files.ROOT / "docs" / "guardrails.md"


@cache
def running(file: str) -> frozenset[str]:
    """Return the tests of a file that pytest collects and doesn't skip."""
    module = files.tree(files.ROOT / file)
    if any(isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "pytestmark" for each in module.body):
        marks = [ast.unparse(each.value) for each in module.body if isinstance(each, ast.Assign)]
        if any("skip" in mark or "xfail" in mark for mark in marks):
            return frozenset()
    return frozenset(
        each.name
        for each in module.body
        if isinstance(each, ast.FunctionDef)
        and each.name.startswith("test_")
        and not any("skip" in ast.unparse(mark) or "xfail" in ast.unparse(mark) for mark in each.decorator_list)
    )


def missing(test: str) -> bool:
    """Tell whether a test's id leads to no test that runs."""
    file, _, name = test.partition("::")
    found = re.fullmatch(r"tests/(\w+/)+test_\w+\.py", file) and (files.ROOT / file).is_file()
    return not found or name not in running(file)


def test_there_are_fifteen_guardrails_and_each_is_shown_by_tests_or_says_what_is_lacking() -> None:
    assert [each.number for each in GUARDRAILS] == [f"G{number}" for number in range(1, 16)]
    assert [each.number for each in GUARDRAILS if not each.lacking and not (each.tests and each.enforced)] == []


@pytest.mark.parametrize("guardrail", GUARDRAILS, ids=lambda each: each.number)
def test_every_test_that_a_guardrail_names_exists_and_runs(guardrail: Guardrail) -> None:
    assert [test for test in guardrail.tests if missing(test)] == []


@pytest.mark.parametrize(
    "test",
    ["tests/house/test_guardrails.py::test_nothing", "tests/house/files.py::test_x", "tests/core/test_tea.py::a"],
)
def test_a_test_that_does_not_exist_is_missed(test: str) -> None:
    assert missing(test)


def row(each: Guardrail) -> str:
    """Return the line of the page's table that tells of a guardrail."""
    tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in each.tests) or "–"
    lacking = f" **Lacking:** {each.lacking}" if each.lacking else ""
    return f"| {each.number} | {each.holds}{lacking} | {'<br>'.join(each.enforced) or '–'} | {tests} |"


def test_the_page_of_docs_shows_the_list() -> None:
    shown = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| G\d+ \|", line)]
    assert shown == [row(each) for each in GUARDRAILS]
