"""Writes the client's operations and the types of its messages, from the API's own OpenAPI document: `make client`."""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent / "greenloop_client"
RUFF = Path(sys.executable).parent / "ruff"
MADE = "Made by `make client` from the API's document; change that, not this."
WIDTH = 120
JSON = "application/json"
LINES = "application/x-ndjson"
PLAIN = {"string": "str", "integer": "int", "boolean": "bool", "number": "float", "null": "None"}
KEYWORDS = {"from": "from_"}
PLACE = {"cursor", "after"}

Document = dict[str, Any]


def document() -> Document:
    """Return the API's OpenAPI document, as the server gives it out."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "greenloop.config.settings")
    import django

    django.setup()
    from greenloop.api.routes import api

    return dict(api.get_openapi_schema())


def written() -> dict[str, str]:
    """Return the text of each module that is made, by its name."""
    whole = document()
    return {"models.py": formatted(models(whole)), "operations.py": formatted(operations(whole))}


def formatted(text: str) -> str:
    """Return Python as the project formats it."""
    command = [str(RUFF), "format", "--stdin-filename", str(PACKAGE / "made.py"), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603  our own command  # nosec B603


# --- messages


def models(whole: Document) -> str:
    """Return the module of the messages: one TypedDict each, of those that an operation reads or answers."""
    parts = [f'"""The messages of the API, as JSON holds them.\n\n{MADE}\n"""\n']
    parts.append("from typing import Any, Literal, NotRequired, TypedDict\n")
    schemas = whole["components"]["schemas"]
    parts += [model(name, schemas[name]) for name in in_order(schemas, reached(whole))]
    return "\n\n".join(parts)


def reached(whole: Document) -> set[str]:
    """Return the names of the schemas that operations lead to; pages are taken apart by their iterators."""
    schemas = whole["components"]["schemas"]
    found: set[str] = set()
    left = [name for _, _, each in every(whole) for name in (*refs(each.get("requestBody")), *refs(answer(each)))]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += refs(schemas[name])
    return {name for name in found if not is_page(name)}


def in_order(schemas: Document, names: set[str]) -> list[str]:
    """Return names by the alphabet, except that what a message holds stands before it."""
    order: dict[str, None] = {}

    def place(name: str) -> None:
        for each in sorted(set(refs(schemas[name])) - {name}):
            place(each)
        order[name] = None

    for name in sorted(names):
        place(name)
    return list(order)


def model(name: str, schema: Document) -> str:
    """Return one TypedDict. What may be missing is NotRequired."""
    required = set(schema.get("required", ()))
    lines = [f"class {name}(TypedDict):", docstring(schema.get("description") or schema["title"], "    "), ""]
    for field, kind in schema.get("properties", {}).items():
        hint = typed(kind)
        lines.append(f"    {field}: {hint if field in required else f'NotRequired[{hint}]'}")
    return "\n".join(lines)


def typed(schema: Document, where: str = "") -> str:
    """Return the type of a schema's values; `where` the messages are: "models." from another module."""
    if "$ref" in schema:
        return where + str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(typed(each, where) for each in schema["anyOf"]))
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    kind = schema.get("type")
    if kind == "array":
        return f"list[{typed(schema['items'], where)}]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"dict[str, {typed(more, where) if isinstance(more, dict) else 'Any'}]"
    return PLAIN[str(kind)]


def refs(part: Any) -> Iterator[str]:
    """Yield the names of the schemas that a part of the document refers to."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield str(part["$ref"]).rpartition("/")[2]
        for each in part.values():
            yield from refs(each)
    elif isinstance(part, list):
        for each in part:
            yield from refs(each)


def is_page(name: str) -> bool:
    """Tell whether a schema is a page of a list and nothing more."""
    return name.startswith("Page_")


# --- operations


def operations(whole: Document) -> str:
    """Return the module of the operations: a Client with one method each."""
    parts = [f'"""Every operation of the API as a method, named as the document names it.\n\n{MADE}\n"""\n']
    parts.append("from collections.abc import Iterator\nfrom typing import Any, Literal, cast\n")
    parts.append("from greenloop_client import models\nfrom greenloop_client.addresses import address")
    parts.append("from greenloop_client.calls import Connection\n")
    parts.append(
        '\nclass Client(Connection):\n    """A connection to one server, for one thread, with its operations."""'
    )
    parts += [method(verb, path, each) for path, verb, each in every(whole)]
    return "\n".join(parts)


def every(whole: Document) -> Iterator[tuple[str, str, Document]]:
    """Yield every operation with its path and its method, but those that only the payment institution can sign."""
    for path, item in whole["paths"].items():
        for verb, each in item.items():
            if each.get("security") != [{"Institution": []}]:
                yield path, verb.upper(), each


def method(verb: str, path: str, operation: Document) -> str:
    """Return one operation's method."""
    queries = {each["name"]: each["schema"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    writes, listing = verb != "GET", "cursor" in queries
    result, last = ending(answer(operation), listing=listing)
    kept = {name: kind for name, kind in queries.items() if name not in PLACE}
    signature = ["self", *places(operation), *asked_body(operation)]
    named = [f"{KEYWORDS.get(name, name)}: {optional(kind)} = None" for name, kind in kept.items()]
    named += ["idempotency_key: str | None = None"] if writes else []
    signature += ["*", *named] if named else []
    arguments = ["address(" + ", ".join([repr(path), *given(operation, kept)]) + ")"]
    if "self.call" in last:
        arguments = [repr(verb), *arguments, *(["body"] if asked_body(operation) else [])]
        arguments += ["key=idempotency_key"] if writes else []
    lines = [f"\n    def {snake(operation['operationId'])}({', '.join(signature)}) -> {result}:"]
    lines += [docstring(told(operation, listing=listing), "        ")]
    lines += [f"        return {last.replace('…', ', '.join(arguments))}"]
    return "\n".join(lines)


def ending(content: Document, *, listing: bool) -> tuple[str, str]:
    """Return what a method gives back and how it asks for it; … stands for what it asks with."""
    if LINES in content and JSON not in content:
        return "Iterator[dict[str, Any]]", "self.lines(…)"
    if JSON not in content:
        return "bytes", "self.content(…)"
    schema = content[JSON]["schema"]
    whole = typed(schema, "models.")
    if not listing:
        return whole, f'cast("{whole}", self.call(…))'
    name = str(schema["$ref"]).rpartition("/")[2]
    if is_page(name):
        item = f"models.{name.removeprefix('Page_').removesuffix('_')}"
        return f"Iterator[{item}]", f'cast("Iterator[{item}]", self.items(…))'
    return f"Iterator[{whole}]", f'cast("Iterator[{whole}]", self.pages(…))'


def answer(operation: Document) -> Document:
    """Return what an operation answers when all is well: schemas by type of content."""
    good = [each.get("content") for status, each in operation["responses"].items() if str(status).startswith("2")]
    return next((content for content in good if content), {})


def places(operation: Document) -> list[str]:
    """Return the parameters that stand in an operation's path."""
    found = [each for each in operation.get("parameters", ()) if each["in"] == "path"]
    return [f"{each['name']}: {typed(each['schema'])}" for each in found]


def asked_body(operation: Document) -> list[str]:
    """Return the parameter that is an operation's body, if it takes one."""
    content = operation.get("requestBody", {}).get("content", {})
    return [f"body: {typed(content[JSON]['schema'], 'models.')}"] if content else []


def given(operation: Document, queries: Document) -> list[str]:
    """Return what fills an operation's address: values of the path, then the query by name."""
    path = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"]
    query = ", ".join(f'"{name}": {KEYWORDS.get(name, name)}' for name in queries)
    return [f"[{', '.join(path)}]", *([f"{{{query}}}"] if query else [])] if path or query else []


def optional(schema: Document) -> str:
    """Return the type of a parameter that may be left out."""
    hint = typed(schema)
    return hint if hint.endswith("None") else f"{hint} | None"


def told(operation: Document, *, listing: bool) -> str:
    """Return what a method's docstring says: the operation's own words, and what a caller needs."""
    said = str(operation.get("description") or operation["summary"] + ".")
    if listing:
        said += "\n\nPages are asked for as the iterator reaches them, `limit` rows at a time."
    needs = [needed_of(kind) for kind in operation.get("security", ())]
    return said + (f"\n\nNeeds {' or '.join(needs)}." if needs else "")


def needed_of(kind: dict[str, list[str]]) -> str:
    """Return what one kind of callers needs, in words."""
    (name, needed), *_ = kind.items()
    listed = ", ".join(f"`{each}`" for each in needed)
    if name == "Keyed":
        return f"a key with {listed}"
    return f"a session of {listed}" if listed else "a session"


def snake(name: str) -> str:
    """Return an operation's name as Python spells methods."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def docstring(text: str, indent: str) -> str:
    """Return text as an indented docstring, its paragraphs filled anew."""
    paragraphs = [" ".join(each.split()) for each in text.split("\n\n") if each.strip()]
    filled = [textwrap.fill(each, WIDTH, initial_indent=indent, subsequent_indent=indent) for each in paragraphs]
    if len(filled) == 1:
        return f'{indent}"""{filled[0].strip()}"""'
    whole = "\n\n".join(filled).strip()
    return f'{indent}"""{whole}\n{indent}"""'


def main() -> None:
    """Write the modules."""
    for name, text in written().items():
        (PACKAGE / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
