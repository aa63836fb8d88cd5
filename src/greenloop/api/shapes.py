"""The schemas of what the busiest routes read and write: they are msgspec's, and stand beside ninja's."""

from collections.abc import Collection
from typing import Any

import msgspec

_REF = "#/components/schemas/{name}"


def ref(name: str) -> dict[str, str]:
    """Return a reference to a schema of the document."""
    return {"$ref": _REF.format(name=name)}


def components(kinds: Collection[Any]) -> dict[str, Any]:
    """Return the schemas of messages and of what they hold, by name."""
    return dict(msgspec.json.schema_components(kinds, ref_template=_REF)[1])


def takes(kinds: dict[str, str]) -> dict[str, Any]:
    """Return the part of an operation that says what it reads: schemas by type of content."""
    return {"requestBody": {"required": True, "content": {kind: {"schema": ref(name)} for kind, name in kinds.items()}}}


def answers(status: int, name: str, what: str, **more: str) -> dict[str, Any]:
    """Return the part of an operation that says what it answers when all is well.

    It is JSON; `more` names schemas by other types of content.
    """
    kinds = {"application/json": name} | more
    content = {kind: {"schema": ref(schema)} for kind, schema in kinds.items()}
    return {"responses": {status: {"description": what, "content": content}}}
