"""What the demo ends with: a root published, a member's look, and the bundle verified by a program of its own."""

import json
import subprocess  # nosec B404
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenloop.cli.answer import count, money, pairs, text
from greenloop.cli.words import gettext

if TYPE_CHECKING:
    from greenloop.sim.trusting import Looked


@dataclass(frozen=True, slots=True)
class Verified:
    """What the independent verifier said of a bundle: its statements, and those that don't hold with what is named."""

    folder: str
    statements: int
    compared: int
    broken: Mapping[str, list[str]]


def verified(folder: Path) -> Verified:
    """Let the verifier read a bundle, in a process that knows nothing of the product."""
    command = [sys.executable, "-m", "greenloop_verify", "--json", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603  # nosec B603
    told: dict[str, Any] = json.loads(done.stdout)
    statements = told["statements"]
    return Verified(
        folder=str(folder),
        statements=len(statements),
        compared=sum(each["looked_at"] for each in statements),
        broken={each["name"]: each["first"] for each in statements if each["differences"]},
    )


def trust_facts(looked: "Looked | None", found: Verified) -> dict[str, Any]:
    """Return it for programs; amounts are fen."""
    return {"root": None if looked is None else asdict(looked), "verified": asdict(found)}


def trust_shown(looked: "Looked | None", found: Verified) -> list[Any]:
    """Return it for people."""
    rows: list[tuple[str, object]] = []
    if looked is not None:
        sentence = gettext("{amount} yuan of account {account} are in it")
        rows += [
            (gettext("root of what is owed, after cycle {cycle}").format(cycle=looked.cycle), looked.root_hash[:32]),
            (gettext("owed to {holders} holders, yuan").format(holders=count(looked.holders)), money(looked.total_fen)),
            (
                gettext("a member looked"),
                sentence.format(amount=money(looked.included_fen), account=looked.member_id),
            ),
            (gettext("leaves of the public log, signed"), count(looked.leaves)),
        ]
    rows += [
        (gettext("auditor's bundle"), found.folder),
        (gettext("figures compared by the independent verifier"), count(found.compared)),
    ]
    said = gettext("All {count} statements of the independent verifier hold.").format(count=found.statements)
    tone = "green"
    if found.broken:
        said = gettext("{broken} of {count} statements of the independent verifier do NOT hold:")
        said, tone = said.format(broken=len(found.broken), count=found.statements), "bold red"
    named = [text(f"{name}: {line}", "red") for name, lines in found.broken.items() for line in lines]
    return [pairs(gettext("Trust"), rows), text(said, tone), *named]
