"""The API's OpenAPI document, and bodies that fit it."""

import functools
from typing import Any


@functools.cache
def document() -> dict[str, Any]:
    """Return the document."""
    from greenloop.api.routes import api

    return dict(api.get_openapi_schema(path_prefix="/v1"))


def documented() -> dict[str, dict[str, Any]]:
    """Return what the document tells of each operation, by its name."""
    return {told["operationId"]: told for methods in document()["paths"].values() for told in methods.values()}


def example(name: str | None) -> Any:
    """Return a body that fits a schema of the document."""
    return _fitting({"$ref": f"#/components/schemas/{name}"})


def _fitting(schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _fitting(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return _fitting(schema["anyOf"][0])
    if schema.get("type") == "object":
        nothing = {} if "properties" in schema else {"green": 1}
        return {key: _fitting(schema["properties"][key]) for key in schema.get("required", ())} or nothing
    if schema.get("type") == "array":
        return [_fitting(schema["items"])] * schema.get("minItems", 0)
    return _plain(schema)


def _plain(schema: dict[str, Any]) -> Any:
    if "enum" in schema or "const" in schema:
        return schema.get("const") or schema["enum"][0]
    whole = {"integer": max(1, schema.get("minimum", 1)), "boolean": True}
    dated = {"date-time": "2026-01-05T12:00:00+08:00", "date": "2026-01-05"}
    text = "0" * 64 if "0-9a-f" in schema.get("pattern", "") else "7"
    return whole.get(schema.get("type", ""), dated.get(schema.get("format", ""), text))
