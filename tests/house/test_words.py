"""What people read: every sentence in Chinese too, and none of the words that guardrails.md (G12) refuses."""

import ast
import re
import string
import tomllib
from collections.abc import Iterator, Sequence
from io import BytesIO

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

from tests.house import files

LOCALE = files.SRC / "locale"
CHINESE = LOCALE / "zh_Hans" / "LC_MESSAGES" / "django.po"
KEYWORDS = {**DEFAULT_KEYWORDS, "say": None, "gettext_lazy": None, "ngettext_lazy": (1, 2)}
SHOWN = {".py", ".html", ".txt", ".js", ".css", ".po"}
# The words, and the near forms a copywriter would try instead. Split, so that this file may hold them.
REFUSED = re.compile(
    r"返\s*本|躺\s*赚|静态收益|保\s*本|保\s*息|稳\s*赚|投\s*资|增\s*值(?!税)|收益率|高回报|[5五]\s*倍\s*返\s*[还现利]|5\s*×\s*返还"
)
# The list itself may stand in the code that refuses operators' copy.
WORD_LISTS = {"src/greenloop/core/trust/words.py"}


def marked() -> set[str]:
    """Return every sentence of the product that is marked for translation."""
    told = tomllib.loads((files.ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["babel"]["mappings"]
    methods = [(each["pattern"], each["method"]) for each in told]
    options = {each["pattern"]: {k: v for k, v in each.items() if k not in {"pattern", "method"}} for each in told}
    source = str(files.ROOT / "src")
    found = extract_from_dir(source, keywords=KEYWORDS, method_map=methods, options_map=options)
    messages = [message for _, _, message, _, _ in found]
    return {each for message in messages for each in ([message] if isinstance(message, str) else message) if each}


def catalog() -> Catalog:
    return read_po(BytesIO(CHINESE.read_bytes()), locale="zh_Hans")


def places(template: str) -> set[str]:
    """Return the names in braces, or the template itself where the braces don't match."""
    try:
        return {re.split(r"[.\[]", name)[0] for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    except ValueError:
        return {template}


def test_the_translations_hold_exactly_the_sentences_of_the_product() -> None:
    held = {each for message in catalog() for each in ids(message.id) if each}
    assert marked() - held == set(), "run: make messages"
    assert held - marked() == set(), "run: make messages"


def ids(identity: str | Sequence[str]) -> tuple[str, ...]:
    return (identity,) if isinstance(identity, str) else tuple(identity)


def test_every_sentence_has_its_chinese() -> None:
    untold = [
        m.id for m in catalog() if m.id and (m.fuzzy or not all([m.string] if m.id == "" else ids(m.string or "")))
    ]
    assert untold == []


def test_a_translation_fills_in_the_same_facts() -> None:
    found = [
        (message.id, text)
        for message in catalog()
        if message.id
        for text in ids(message.string or "")
        if text and places(text) != places(ids(message.id)[-1])
    ]
    assert found == []


def test_a_fact_that_a_translation_dropped_is_seen() -> None:
    assert places("The rate {rate} of {shop.name}") == {"rate", "shop"}
    assert places("让利 {rate}") != places("The rate {rate} of {shop}")


def unmarked(module: ast.Module) -> Iterator[str]:
    """Yield each Refusal whose sentence isn't marked, and each mark that isn't on a plain string."""
    for node in ast.walk(module):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called == "Refusal" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant | ast.JoinedStr):
            yield f"{node.lineno}: this refusal's sentence can't be translated: mark it with say(...)"
        if called == "say" and not (node.args and isinstance(node.args[0], ast.Constant)):
            yield f"{node.lineno}: only a plain string can be marked"


def test_every_refusal_can_be_translated() -> None:
    found = [f"{files.named(path)}:{fault}" for path in files.modules("src") for fault in unmarked(files.tree(path))]
    assert found == []


@pytest.mark.parametrize("source", ['Refusal("a.b", "No.")', 'Refusal("a.b", f"No {x}.")', 'say(f"No {x}")', "say(x)"])
def test_a_sentence_that_can_t_be_translated_is_seen(source: str) -> None:
    assert list(unmarked(ast.parse(source)))


def test_no_refused_word_is_shown_to_anyone() -> None:
    found = [
        f"{files.named(path)}:{number}: {hit.group()}"
        for path, text in files.text_files()
        if path.is_relative_to(files.ROOT / "src") and path.suffix in SHOWN and files.named(path) not in WORD_LISTS
        for number, line in enumerate(text.splitlines(), 1)
        for hit in REFUSED.finditer(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "word", ["返本", "躺赚", "静态收益", "保本", "稳赚", "投资", "增值", "收益率", "5 倍返还", "5倍返还"]
)
def test_each_word_of_g12_is_refused(word: str) -> None:
    assert REFUSED.search(f"本期{word}多多")


def test_the_tax_called_added_value_is_no_refused_word() -> None:
    assert not REFUSED.search("增值税发票")
