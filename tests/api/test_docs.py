"""docs/api.md is true: its commands are run in their order against a served database, and answer what it shows."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from greenloop.api import limits
from greenloop.api.books import exports, statements
from greenloop.api.people import members
from greenloop.core.people.scopes import SCOPES
from greenloop.services.trust.executors import EXECUTORS
from tests.support.calling import Caller
from tests.support.databases import Database
from tests.support.institution import SECRET, Set, institution
from tests.support.serving import GREENLOOP, environment, served
from tests.support.town import Town

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
FENCE = re.compile(r"^```(sh|json)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PATIENCE_S = 120
ROLES = ("operator", "finance", "risk", "marketing", "auditor", "regulator")


def steps() -> list[tuple[str, dict[str, Any] | None]]:
    """Return the commands of the page in their order, each with the answer shown behind it."""
    fences = FENCE.findall(PAGE)
    found: list[tuple[str, dict[str, Any] | None]] = []
    for kind, text in fences:
        if kind == "sh":
            found.append((text, None))
        else:
            found[-1] = (found[-1][0], json.loads(text))
    return found


def shows(told: Any, answered: Any) -> bool:
    """Tell whether an answer holds what the page shows: … stands for what differs each time, and more may be told."""
    if isinstance(told, dict):
        return isinstance(answered, dict) and all(
            key in answered and shows(value, answered[key]) for key, value in told.items()
        )
    if isinstance(told, list):
        return len(told) == len(answered) and all(map(shows, told, answered))
    return bool(answered) if told == "…" else bool(told == answered)


def test_the_commands_of_the_page_answer_what_it_shows(town: Town, database: Database, tmp_path: Path) -> None:
    kept = {"GREENLOOP_IDENTITY_KEY": os.environ["GREENLOOP_IDENTITY_KEY"]}
    known = environment(database.url, tmp_path) | kept
    (setup, _), (export, _), *calls = steps()
    assert export.startswith("export BASE=http://127.0.0.1:8000/v1 KEY=glk_")
    known["PATH"] = f"{GREENLOOP.parent}:{known['PATH']}"
    made = run(setup.replace("greenloop serve\n", "").replace('tills"\n', 'tills" --json\n'), known)
    token = json.loads(made.splitlines()[-1])["token"]
    with institution() as bank, served(database.url, tmp_path, [], "--no-clock", **kept, **named(bank)) as site:
        given = f"export BASE={site.base}/v1 KEY={token}\n"
        for text, told in calls:
            answered = run(given + text, known)
            assert told is not None, f"the page doesn't show what this answers: {text}"
            assert shows(told, json.loads(answered)), f"{text}\n{answered}"


def named(bank: Set) -> dict[str, str]:
    """Return what names an institution in the environment."""
    return {"GREENLOOP_INSTITUTION": f"sandbox+http://{bank.address}", "GREENLOOP_INSTITUTION_SECRET": SECRET}


def run(script: str, known: dict[str, str]) -> str:
    command = ["bash", "-e", "-o", "pipefail", "-c", script]
    done = subprocess.run(command, env=known, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(
    ("what", "most"),
    [
        ("a body", f"{limits.BODY_BYTES_MAX} bytes"),
        ("a body of orders or members in bulk", f"{limits.BULK_BYTES_MAX} bytes"),
        ("orders in one call", limits.BATCH_MAX),
        ("members in one call", members.ENROL_MAX),
        ("rows of a page", f"{limits.PAGE_MAX}, {limits.PAGE} without `limit`"),
        ("rows of one part of an export", exports.ROWS_MAX),
        ("days of a statement", statements.DAYS_MAX),
        ("keys that aren't good, from one address", f"{limits.FAILURES_PER_MINUTE} a minute"),
    ],
)
def test_the_limits_of_the_page_are_those_of_the_program(what: str, most: object) -> None:
    assert f"| {what} | {most} |" in PAGE


def test_the_page_names_every_scope_role_and_kind_of_proposal() -> None:
    for word in (*SCOPES, *EXECUTORS):
        assert f"`{word}`" in PAGE, word
    for role in ROLES:
        assert f"\n| {role} |" in PAGE, role


def test_another_s_merchant_is_403_for_a_sale_and_404_for_all_else(town: Town, till: Caller, clock: Any) -> None:
    clock(town.at)
    assert "only a sale that is sent for a merchant that the client doesn't act for is 403 `auth.merchant`" in PAGE
    sale = {"merchant": "baker", "order_no": "x", "member": "mei", "paid_at": town.at, "cash_fen": 10_000}
    alone = till.post("/v1/orders", sale)
    (item,) = till.post("/v1/orders/bulk", {"orders": [sale]}).json["results"]
    for told in (alone.json, item["problem"]):
        assert (told["status"], told["code"]) == (403, "auth.merchant")
    quoted = till.post("/v1/orders/quote", {"merchant": "baker", "member": "mei", "price_fen": 100})
    for answer in (quoted, till.get("/v1/merchants/baker"), till.get("/v1/orders?merchant=baker")):
        assert (answer.status, answer.code) == (404, "merchant.unknown")


def test_a_page_that_shows_something_else_is_seen() -> None:
    assert shows({"id": "…", "n": 1}, {"id": "7", "n": 1, "more": 2})
    assert not shows({"n": 1}, {"n": 2})
    assert not shows({"n": 1}, {})
    assert not shows({"items": [{"a": 1}]}, {"items": []})
