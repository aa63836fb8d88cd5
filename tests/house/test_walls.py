"""The walls between floors that import contracts can't see."""

import ast
import re
from collections.abc import Collection
from pathlib import Path

import pytest

from tests.house import files, rules

DOORS = ("src/greenloop/cli", "src/greenloop/api", "src/greenloop/web")
READ_ONLY_ADMIN = "src/greenloop/web/admin.py"
LEDGER = files.SRC / "store" / "models" / "books.py"
VERB = "src/greenloop/services/verb.py"
LEDGER_HANDS = ("src/greenloop/services/books/post.py", "src/greenloop/store/")
WRITES = frozenset(
    {"create", "bulk_create", "get_or_create", "update_or_create", "bulk_update", "update", "delete", "save"}
)
IMPORTED = "from greenloop.store.models import Journal, Posting\n"
AUDITOR = files.SRC / "sim" / "auditor.py"


def test_doors_import_no_model_in_any_form() -> None:
    found = [
        f"{files.named(path)}:{fault}"
        for path in files.modules(*DOORS)
        if files.named(path) != READ_ONLY_ADMIN
        for fault in rules.models_in_any_form(files.tree(path))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "from greenloop.store import models",
        "from greenloop.store.models import Order",
        "from greenloop.store.models.orders import Order",
        "import greenloop.store.models",
        "import greenloop.store.models.orders as o",
        "import greenloop.store",
        "from greenloop import store",
        "from ..store import models",
        "def f():\n    from greenloop.store import models",
        "apps.get_model('store', 'Order')",
        "get_user_model()",
        "import_module('greenloop.store.models')",
    ],
)
def test_each_form_of_importing_a_model_is_seen(source: str) -> None:
    assert list(rules.models_in_any_form(ast.parse(source)))


def test_doors_may_import_queries_and_verbs() -> None:
    allowed = "from greenloop.store.queries.loop import wallet\nfrom greenloop.services.loop.settle import settle"
    assert list(rules.models_in_any_form(ast.parse(allowed))) == []


def test_doors_never_import_the_steps_that_verbs_share() -> None:
    found = [
        f"{files.named(path)}:{line}: {name}.{what}"
        for path in files.modules(*DOORS)
        for line, name, what in rules.imports(files.tree(path))
        if "steps" in f"{name}.{what}".split(".")
    ]
    assert found == []


def ledger_writes(module: ast.Module, ledger: frozenset[str]) -> list[str]:
    """Return where ledger rows are made or changed through their models; reading them is free."""
    found = []
    ours = {what for _, name, what in rules.imports(module) if "store" in name.split(".")}
    ledger = ledger & ours if "models" not in ours else ledger
    for call in (node for node in ast.walk(module) if isinstance(node, ast.Call)):
        parts = re.sub(r"\(.*\)", "", ast.unparse(call.func), flags=re.DOTALL).split(".")
        model = parts[1] if parts[0] == "models" and len(parts) > 1 else parts[0]
        if model in ledger and (parts[-1] == model or parts[-1] in WRITES):
            found.append(f"{call.lineno}: {'.'.join(parts)}")
    return found


def test_only_post_writes_ledger_rows() -> None:
    ledger = rules.classes(files.tree(LEDGER))
    assert {"Journal", "Posting"} <= ledger
    found = [
        f"{files.named(path)}:{fault}"
        for path in files.modules("src")
        if not files.named(path).startswith(LEDGER_HANDS)
        for fault in ledger_writes(files.tree(path), ledger)
    ]
    assert found == []


def test_only_post_writes_ledger_tables_in_sql() -> None:
    tables = "journal|posting|posting_rule|ledger_account"
    found = []
    for path in files.modules("src"):
        if files.named(path) == LEDGER_HANDS[0] or files.is_migration(path):
            continue
        found += [
            f"{files.named(path)}:{node.lineno}"
            for node in ast.walk(files.tree(path))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and writes(node.value, tables)
        ]
    assert found == []


def writes(text: str, tables: str) -> bool:
    return bool(re.search(rf"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE)\s+(?:{tables})\b", text, re.IGNORECASE))


@pytest.mark.parametrize(
    "source",
    [
        "Journal(key='a')",
        "models.Journal(key='a')",
        "Journal.objects.create(key='a')",
        "Journal.objects.filter(key='a').update(kind='b')",
        "Posting.objects.bulk_create([])",
        "Posting.objects.filter(amount_fen__gt=1).exclude(id=2).delete()",
    ],
)
def test_writing_the_ledger_elsewhere_is_seen(source: str) -> None:
    imported = "from greenloop.store import models\n" if "models." in source else IMPORTED
    assert ledger_writes(ast.parse(imported + source), frozenset({"Journal", "Posting"}))


def test_reading_the_ledger_is_free_and_writing_it_in_sql_is_seen() -> None:
    read = "Journal.objects.filter(key='a').exists()"
    assert ledger_writes(ast.parse(IMPORTED + read), frozenset({"Journal"})) == []
    assert writes("insert into  posting (amount_fen) values (1)", "posting")
    assert not writes("SELECT * FROM posting", "posting")


def test_only_verbs_open_transactions_and_theirs_are_the_outermost() -> None:
    opened = {files.named(path): list(rules.transactions(files.tree(path))) for path in files.modules("src")}
    assert {name for name, found in opened.items() if found} == {VERB}
    assert [durable for _, durable in opened[VERB]] == [True]


def test_a_transaction_that_is_not_durable_is_seen() -> None:
    def seen(source: str) -> list[tuple[int, bool]]:
        return list(rules.transactions(ast.parse(source)))

    assert seen("@transaction.atomic\ndef f(): ...") == [(1, False)]
    assert seen("@transaction.atomic()\ndef f(): ...") == [(1, False)]
    assert seen("@transaction.atomic(durable=False)\ndef f(): ...") == [(1, False)]
    assert seen("with transaction.atomic(durable=True):\n    pass") == [(1, True)]


def test_verbs_do_not_call_verbs() -> None:
    services = files.modules("src/greenloop/services")
    known = {(module_name(path), verb) for path in services for verb in rules.verbs(files.tree(path))}
    assert known
    found = []
    for path in services:
        module = files.tree(path)
        found += [
            f"{files.named(path)}:{n}: {what}" for n, name, what in rules.imports(module) if (name, what) in known
        ]
        mine = rules.verbs(module)  # a function without a transaction may call its own module's, to try again
        bodies = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name in mine]
        found += [f"{files.named(path)}:{fault}" for body in bodies for fault in calls_of(body, mine)]
        rooms = {f"{name}.{what}": what for _, name, what in rules.imports(module)}
        through = {rooms[home] + "." + verb for home, verb in known if home in rooms}
        found += [f"{files.named(path)}:{fault}" for fault in calls_of(module, through)]
    assert found == []


def calls_of(body: ast.AST, called: Collection[str]) -> list[str]:
    calls = [node for node in ast.walk(body) if isinstance(node, ast.Call)]
    return [f"{call.lineno}: {ast.unparse(call.func)}" for call in calls if ast.unparse(call.func) in called]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(files.ROOT / "src").with_suffix("").parts).removesuffix(".__init__")


def test_a_verb_is_known_by_its_transaction() -> None:
    source = "@verb\ndef settle(): ...\ndef step(): ..."
    assert rules.verbs(ast.parse(source)) == {"settle"}
    assert calls_of(ast.parse("settle.settle(pool=1)\nsettle()"), {"settle.settle"}) == ["1: settle.settle"]


@pytest.mark.skipif(not AUDITOR.is_file(), reason="there is no sim/auditor.py yet")
def test_the_auditor_shares_no_code_with_what_it_audits() -> None:
    found = [
        f"{line}: {name}" for line, name, _ in rules.imports(files.tree(AUDITOR)) if name.startswith(("greenloop", "."))
    ]
    assert found == []


def test_the_schema_never_opens_a_transaction_per_request() -> None:
    settings = (files.SRC / "config" / "settings.py").read_text("utf-8")
    assert "ATOMIC_REQUESTS = True" not in settings
    assert '"ATOMIC_REQUESTS": True' not in settings
