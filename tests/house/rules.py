"""Rules over one module's syntax tree: each yields what is wrong, as "line: sentence"."""

import ast
from collections.abc import Iterator

FUNCTION_LINES_MAX = 50
MODULE_LINES_MAX = 400
MODULE_LINES_MEDIAN_MAX = 120

STANDARD_FOR_CORE = frozenset(
    {
        "__future__",
        "abc",
        "base64",
        "bisect",
        "collections",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "hmac",
        "itertools",
        "json",
        "operator",
        "re",
        "struct",
        "types",
        "typing",
        "unicodedata",
    }
)
CLOCKS = frozenset({"now", "today", "utcnow", "localtime", "monotonic", "perf_counter", "time_ns"})
NOT_PURE = frozenset({"float", "round", "complex", "open", "print", "input", "eval", "exec", "__import__"})


def floats(module: ast.Module) -> Iterator[str]:
    """Amounts are integers: no float literal, no true division, no float(), round(), clock or I/O call."""
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield f"{node.lineno}: the float {node.value}"
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield f"{node.lineno}: / gives a float; // floors"


def impurities(module: ast.Module) -> Iterator[str]:
    """Core gets its facts handed in: no clock, no I/O, no float made by a call."""
    for node in ast.walk(module):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
            yield f"{node.lineno}: .{node.func.attr}() reads a clock"
        elif isinstance(node.func, ast.Name) and node.func.id in CLOCKS:
            yield f"{node.lineno}: {node.func.id}() reads a clock"
        elif isinstance(node.func, ast.Name) and node.func.id in NOT_PURE:
            yield f"{node.lineno}: {node.func.id}() has no place in core"


def imports(module: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Yield (line, module, name) of every import; `name` is empty for `import module`."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, "." * node.level + (node.module or ""), alias.name) for alias in node.names)


def imports_off_the_list(module: ast.Module) -> Iterator[str]:
    """Core imports itself and a few modules of the standard library."""
    for line, name, _ in imports(module):
        if name.split(".")[0] not in STANDARD_FOR_CORE and not f"{name}.".startswith("greenloop.core."):
            yield f"{line}: core may not import {name}"


def long_functions(module: ast.Module) -> Iterator[str]:
    """A function is at most 50 lines, its docstring counted."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.lineno}: {node.name} has {lines} lines of at most {FUNCTION_LINES_MAX}"


def models_in_any_form(module: ast.Module) -> Iterator[str]:
    """Doors read through queries: no import of a model, by whatever way, and no look-up by name."""
    for line, name, what in imports(module):
        whole = f"{name}.{what}".strip(".")
        if "models" in whole.split(".") or (name, what) in {("greenloop", "store"), ("greenloop.store", "")}:
            yield f"{line}: a door may not import {whole}"
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in {"get_model", "get_models", "get_user_model", "import_module"}:
                yield f"{node.lineno}: a door may not look models up with {called}()"


def transactions(module: ast.Module) -> Iterator[tuple[int, bool]]:
    """Yield (line, whether durable) of every transaction that the module opens."""
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and node.attr == "atomic":
            yield (
                node.lineno,
                any(
                    isinstance(call, ast.Call)
                    and call.func is node
                    and any(k.arg == "durable" and getattr(k.value, "value", None) is True for k in call.keywords)
                    for call in ast.walk(module)
                ),
            )


def verbs(module: ast.Module) -> frozenset[str]:
    """Return the names of the module's functions that are verbs, each a transaction."""
    return frozenset(
        node.name
        for node in module.body
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(decorator) == "verb" for decorator in node.decorator_list)
    )


def classes(module: ast.Module) -> frozenset[str]:
    """Return the names of the module's top-level classes."""
    return frozenset(node.name for node in module.body if isinstance(node, ast.ClassDef))
