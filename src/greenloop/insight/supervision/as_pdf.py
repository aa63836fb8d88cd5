"""The report for people: set for print, tagged, its charts drawn as vectors, with the part of a font that it needs.

Everything that is said is said here, in the language in use; `report.typ` beside it only lays it out. No text is ever
read as markup there.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typst
from django.utils import translation
from django.utils.translation import gettext as _

from greenloop.core.faults import Refusal, say
from greenloop.insight import figures
from greenloop.insight.supervision import told, words
from greenloop.insight.supervision.pools import CycleLine, tied
from greenloop.insight.supervision.report import Report
from greenloop.insight.supervision.steps import Roll, Step
from greenloop.insight.supervision.ties import Tie

LAYOUT = Path(__file__).resolve().parent / "report.typ"
FONTS = (
    *("Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei"),
    *("PingFang SC", "Microsoft YaHei"),
)
"""Fonts with Chinese glyphs, the first that is installed is taken."""
CYCLES_MAX, POOLS_MAX = 120, 12
"""Of more lines of cycles the newest are printed, and so is said; of more pools what ties is told together."""
BYTES_MAX = 495_000
TILES = ("orders", "concessions", "releases", "redemptions", "payouts", "custody")
PARTS = ("green", "red", "coupon", "reserve", "fee")
"""The colours of what vested; pools that aren't told apart have one."""


@cache
def _fonts() -> tuple[typst.Fonts, frozenset[str]]:
    found = typst.Fonts(include_system_fonts=True, include_embedded_fonts=False)
    return found, frozenset(found.families())


def find_font() -> str:
    """Return the font that reports are printed with.

    :raises Refusal: none with Chinese glyphs is installed.
    """
    for name in FONTS:
        if name in _fonts()[1]:
            return name
    message = say(
        "Reports are printed with a Chinese font, and none is installed. On Debian: apt-get install {package}"
    )
    raise Refusal("report.font", message, field="font", package="fonts-noto-cjk")


def document(report: Report, *, language: str) -> bytes:
    """Return the report as a PDF in a language, `en` or `zh`.

    :raises Refusal: no font with Chinese glyphs is installed.
    """
    font = find_font()
    with translation.override(told.LANGUAGES[language]):
        said = _said(report) | {"font": font, "language": language}
    printed = _set(said, report, tagged=True)
    # Tags let a screen reader find its way, and take the most of a file that has many lines.
    return printed if len(printed) < BYTES_MAX else _set(said, report, tagged=False)


def _set(said: dict[str, Any], report: Report, *, tagged: bool) -> bytes:
    return typst.compile(
        LAYOUT.read_bytes(),
        font_paths=_fonts()[0],
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"said": json.dumps(said, ensure_ascii=False)},
        pdf_standards="a-2a" if tagged else "a-2u",
        pdf_tags=tagged,
        timestamp=int(report.made_at.timestamp()),
    )


def _said(report: Report) -> dict[str, Any]:
    period, many = report.period, len(report.pools) > POOLS_MAX
    steps = {step.key: step for step in report.steps}
    return {
        "name": [words.NAME_ZH, words.NAME_EN],
        "period": f"{period.first_date} – {period.last_date}",
        "form": _(words.FORMS[report.form]),
        "sound": not report.off,
        "verdict": told.verdict(report),
        "provisional": _("Provisional") if report.provisional else "",
        "reasons": told.reasons(report),
        "tiles": [[_(words.STEPS[key][1]), figures.money(steps[key].fen)] for key in TILES],
        "facts": told.facts(report),
        "notes": told.notes(report),
        "heads": {
            "chain": _("The chain, step by step"),
            "chain_about": _("Each bar is a part of the orders' price; each step's sums are tied to those beside it."),
            "split": _("What vested, by its parts"),
            "cycles_chart": _("Cycle by cycle: taken in and released"),
            "steps": _("Every step with its ties"),
            "pools": _("Pools"),
            "cycles": _("Settled cycles"),
            "exceptions": _("Exceptions"),
            "checking": _("How to check this report"),
        },
        "chain": [_link(step, steps["orders"].fen) for step in report.steps],
        "split": _split(steps["split"]),
        "chart": _chart(report),
        "steps": [_step(number, step, many=many) for number, step in enumerate(report.steps, 1)],
        "pools": _pools(report),
        "pools_about": _about(report.pools, report.pools[:CYCLES_MAX]),
        "cycles": _cycles(report),
        "cycles_about": _about(report.cycles, _newest(report.cycles)),
        "exceptions": [[_("exception"), _("found"), _("yuan")]]
        + [[_(words.EXCEPTIONS[each.kind]), told.rare(each.count), told.fen(each.fen)] for each in report.exceptions],
        "checking": told.checking(),
    }


def _link(step: Step, whole: int) -> dict[str, Any]:
    sentence = _("{count} ties hold") if not step.broken else _("{off} of {count} do not tie")
    off, count = sum(tie.off for tie in step.ties), sum(tie.of for tie in step.ties)
    return {
        "title": _(words.STEPS[step.key][0]),
        "about": _(words.STEPS[step.key][1]),
        "amount": figures.plain(step.fen),
        "share": figures.permille(step.fen, whole),
        "tied": sentence.format(count=count, off=off),
        "sound": not step.broken,
    }


def _split(step: Step) -> list[dict[str, Any]]:
    whole, *parts = step.figures
    names = PARTS if len(parts) == len(PARTS) else ("green", *PARTS[2:])
    return [
        {
            "label": _(part.label),
            "amount": figures.plain(part.value or 0),
            "percent": figures.percent(part.value or 0, whole.value or 0),
            "share": figures.permille(part.value or 0, whole.value or 0),
            "part": name,
        }
        for name, part in zip(names, parts, strict=True)
    ]


def _chart(report: Report) -> dict[str, Any] | None:
    """Return the columns of each cycle over all pools, as parts of the highest; None where there are none, or many."""
    sums: dict[int, list[int]] = {}
    for line in report.cycles:
        both = sums.setdefault(line.cycle, [0, 0])
        both[0] += line.inflow_fen
        both[1] += line.issued_fen
    most = max((max(both) for both in sums.values()), default=0)
    if not most or len(sums) > CYCLES_MAX:
        return None
    return {
        "most": figures.plain(most),
        "names": [_("taken in"), _("released")],
        "cycles": [[cycle, *(figures.permille(fen, most) for fen in both)] for cycle, both in sorted(sums.items())],
    }


def _step(number: int, step: Step, *, many: bool) -> dict[str, Any]:
    ties = [tie for tie in tied(step.ties, {tie.pool: "" for tie in step.ties}) if tie.holds] if many else step.ties
    ties = [*ties, *step.broken] if many else ties
    return {
        "number": number,
        "title": _(words.STEPS[step.key][0]),
        "about": _(words.STEPS[step.key][1]),
        "figures": [[_(each.label), told.value(each)] for each in step.figures],
        "rolls": [_roll(each) for each in step.rolls],
        "ties": [
            [_("what ties"), _("pool"), _("by the ledger"), _("by the rows"), _("difference")],
            *map(_tie, ties),
        ],
        "off": [not tie.holds for tie in ties],
    }


def _roll(roll: Roll) -> dict[str, Any]:
    moves = [[_(label), _signed(fen)] for label, fen in roll.moves if fen]
    opening, closing = figures.plain(roll.opening_fen), figures.plain(roll.closing_fen)
    return {
        "title": _(words.ACCOUNTS[roll.account]),
        "lines": [[_("at the begin"), opening], *moves, [_("at the end"), closing]],
    }


def _signed(fen: int) -> str:
    return f"{'+' if fen > 0 else ''}{figures.plain(fen)}"


def _tie(tie: Tie) -> list[str]:
    return [told.what(tie), told.pool(tie.pool), *map(figures.plain, (tie.left_fen, tie.right_fen, tie.difference_fen))]


def _pools(report: Report) -> Sequence[Sequence[str]]:
    lines = [
        [
            told.pool(line.pool),
            *map(told.fen, (line.opening_fen, line.inflow_fen, line.issued_fen, line.back_fen, line.closing_fen)),
            *map(told.fen, (line.drawn_fen, line.redeemed_fen, line.undrawn_fen, line.unspent_fen)),
        ]
        for line in report.pools[:CYCLES_MAX]
    ]
    return [told.pool_heads(), *lines]


def _cycles(report: Report) -> Sequence[Sequence[str]]:
    heads = [_("pool"), _("cycle"), _("cut off"), _("taken in"), _("released"), _("free after it"), _("owed after it")]
    lines = [
        [
            told.pool(line.pool),
            figures.count(line.cycle),
            told.moment(line.cutoff_at, report),
            *map(told.fen, (line.inflow_fen, line.issued_fen, line.free_fen, line.owed_fen)),
        ]
        for line in _newest(report.cycles)
    ]
    return [heads, *lines]


def _newest(lines: Sequence[CycleLine]) -> Sequence[CycleLine]:
    """Return the lines of as many whole cycles as are printed, the newest; of a single one that has more, the first."""
    if len(lines) <= CYCLES_MAX:
        return lines
    left_out = sorted(line.cycle for line in lines)[-CYCLES_MAX - 1]
    return [line for line in lines if line.cycle > left_out] or lines[:CYCLES_MAX]


def _about(lines: Sequence[object], printed: Sequence[object]) -> str:
    if len(printed) == len(lines):
        return ""
    sentence = _("{shown} of {count} lines are printed; the workbook has all of them.")
    return sentence.format(shown=figures.count(len(printed)), count=figures.count(len(lines)))
