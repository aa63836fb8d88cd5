"""The guardrails, listed: what holds, where it is enforced, which test shows it, what this database says of it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from greenloop.cli.answer import DONE, REFUSED, Answer, count, table, text
from greenloop.cli.words import gettext

if TYPE_CHECKING:
    from rich.console import RenderableType

    from greenloop.insight.guardrails.listed import Guardrail
    from greenloop.insight.proof import Proof


def guarded(now: datetime) -> Answer:
    """List G1 to G15 with what the database at hand says; exit code 1 where a figure is off."""
    from greenloop.insight.guardrails.listed import GUARDRAILS
    from greenloop.insight.guardrails.live import looked_at

    live = looked_at(now)
    broken = [proof for proof in live if not proof.holds]
    return Answer(
        [_fact(each, live) for each in GUARDRAILS],
        [_held(GUARDRAILS), _shown(GUARDRAILS), _live(live), *_lacking(GUARDRAILS), _ending(live, broken)],
        REFUSED if broken else DONE,
        lines=True,
    )


def _fact(each: "Guardrail", live: "Sequence[Proof]") -> dict[str, object]:
    return {
        "guardrail": each.number,
        "holds": gettext(each.holds),
        "enforced": [gettext(where) for where in each.enforced],
        "tests": list(each.tests),
        "lacking": gettext(each.lacking) or None,
        "live": [
            asdict(proof) | {"what": gettext(proof.what), "holds": proof.holds}
            for proof in live
            if proof.law == each.number
        ],
    }


def _held(guardrails: "Sequence[Guardrail]") -> "RenderableType":
    columns = ["", gettext("what holds always"), gettext("where it is enforced")]
    rows = [(each.number, gettext(each.holds), "\n".join(map(gettext, each.enforced)) or "–") for each in guardrails]
    return table(gettext("Guardrails"), columns, rows)


def _shown(guardrails: "Sequence[Guardrail]") -> "RenderableType":
    rows = [(each.number, "\n".join(each.tests) or "–") for each in guardrails]
    return table(gettext("Tests that show it"), ["", gettext("test")], rows)


def _live(live: "Sequence[Proof]") -> "RenderableType":
    columns = ["", gettext("what was looked for"), gettext("looked at"), gettext("off by"), gettext("detail")]
    rows = [(p.law, gettext(p.what), count(p.looked_at), count(p.difference), p.detail or "–") for p in live]
    return table(gettext("What this database says"), columns, rows)


def _lacking(guardrails: "Sequence[Guardrail]") -> "list[RenderableType]":
    return [text(f"{each.number}: {gettext(each.lacking)}", "yellow") for each in guardrails if each.lacking]


def _ending(live: "Sequence[Proof]", broken: "Sequence[Proof]") -> "RenderableType":
    if broken:
        sentence = gettext("{broken} of {count} live figures are off: {list}")
        named = ", ".join(f"{proof.law} {proof.name}" for proof in broken)
        return text(sentence.format(broken=len(broken), count=len(live), list=named), "bold red")
    return text(gettext("All {count} live figures are in order.").format(count=len(live)), "green")
