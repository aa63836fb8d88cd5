"""The client is what the API's document makes of it: nothing is missing, nothing is old, and it may be given away."""

import inspect
import tomllib
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest

from greenloop_client import Client, models

HOME = Path(__file__).parents[2] / "clients" / "python"
LIST = {
    "operationId": "listThings",
    "summary": "List things",
    "parameters": [
        {"name": "ref", "in": "path", "schema": {"type": "string"}},
        {"name": "cursor", "in": "query", "schema": {"type": "string"}},
        {"name": "from", "in": "query", "schema": {"type": "string"}},
    ],
    "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page_Thing_"}}}}},
}


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = spec_from_file_location("generate", HOME / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from (each for each in path.values() if each.get("security") != [{"Institution": []}])


def test_the_client_is_up_to_date(generate: ModuleType) -> None:
    for name, text in generate.written().items():
        assert (HOME / "greenloop_client" / name).read_text("utf-8") == text, f"{name} is old: run `make client`"


def test_every_operation_has_a_method_that_takes_its_parameters(generate: ModuleType) -> None:
    found = list(operations(generate.document()))
    assert len(found) > 90
    for each in found:
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in each["operationId"])
        takes = set(inspect.signature(getattr(Client, name)).parameters)
        needed = {parameter["name"] for parameter in each["parameters"]} - {"cursor", "after", "from"}
        assert needed <= takes, name
        assert ("body" in takes) == ("requestBody" in each), name


def test_every_type_of_the_messages_is_known() -> None:
    kinds = [kind for _, kind in inspect.getmembers(models, inspect.isclass) if kind.__module__ == models.__name__]
    assert len(kinds) > 90
    assert all(get_type_hints(kind) for kind in kinds)
    assert models.OrderIn.__required_keys__ == {"merchant", "order_no", "member", "paid_at", "cash_fen"}


def test_a_list_becomes_an_iterator_whose_cursor_is_its_own_business(generate: ModuleType) -> None:
    made = generate.method("GET", "/v1/{ref}/things", LIST)
    assert "def list_things(self, ref: str, *, from_: str | None = None) -> Iterator[models.Thing]:" in made
    assert """self.items(address('/v1/{ref}/things', [ref], {"from": from_}))""" in made


@pytest.mark.parametrize(
    ("schema", "hint"),
    [
        ({"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}, "list[Thing]"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int | None"),
        ({"enum": ["a", "b"], "type": "string"}, "Literal['a', 'b']"),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "dict[str, bool]"),
        ({"type": "object", "additionalProperties": True}, "dict[str, Any]"),
    ],
)
def test_a_schema_is_a_type(generate: ModuleType, schema: dict[str, Any], hint: str) -> None:
    assert generate.typed(schema) == hint


def test_the_client_needs_nothing_and_carries_the_projects_licence() -> None:
    project = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["dependencies"] == []
    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"])
    assert (HOME / "LICENSE").read_bytes() == (HOME.parents[1] / "LICENSE").read_bytes()
