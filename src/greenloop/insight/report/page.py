"""Write the page: gather once, let each section speak, put all of it into one file."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Literal

from django.template import Context, Engine, Template
from django.utils import translation
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from greenloop.insight.check import check
from greenloop.insight.figures import local_day
from greenloop.insight.proof import Proof
from greenloop.insight.report import books, cohorts, concession, headline, multiple, pools, stages
from greenloop.insight.report.facts import Facts, Year, gather

HERE = Path(__file__).resolve().parent
LANGUAGES = {"en": ("en", "en"), "zh": ("zh-hans", "zh-Hans")}
SECTIONS = (headline, pools, cohorts, concession, stages, multiple, books)


def write_report(
    path: Path,
    *,
    year: Year | None = None,
    language: Literal["en", "zh"] = "en",
    at: datetime,
    proofs: Sequence[Proof] | None = None,
) -> Path:
    """Write the report on the books as they stand to `path` and return it. Folders on the way are made.

    `year` holds what a replay counted and timed. `proofs` are the check's, where it has just run; else it runs here.
    """
    found = check() if proofs is None else proofs
    facts = gather(year=year, proofs=found, at=at)
    locale, html_language = LANGUAGES[language]
    with translation.override(locale):
        text = _template().render(Context(_page(facts, html_language)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


@cache
def _template() -> Template:
    # An engine of its own: the page needs no tag library, and works whatever the settings say about templates.
    return Engine(dirs=[str(HERE)], autoescape=True).get_template("page.html")


def _page(facts: Facts, html_language: str) -> dict[str, object]:
    sections = [section for each in SECTIONS if (section := each.section(facts))]
    return {
        "language": html_language,
        "title": _("Greenloop: report on the loop"),
        "about": _about(facts),
        "skip": _("Skip to the figures"),
        "contents": _("Contents"),
        "scrolls": _("table, scrolls sideways"),
        "sections": sections,
        "css": mark_safe((HERE / "page.css").read_text("utf-8")),  # noqa: S308  our own file  # nosec B308
        "foot": _(
            "Amounts are yuan, exact to the fen. Every figure is read from the books; greenloop check proves them and "
            "greenloop export writes the rows behind them."
        ),
    }


def _about(facts: Facts) -> str:
    written = facts.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    orders = facts.orders
    if orders.first_paid_at is None or orders.last_paid_at is None:
        return _("No orders yet. Written {written}.").format(written=written)
    return _("Orders paid from {first} to {last}. Written {written}.").format(
        first=_whole(local_day(orders.first_paid_at, facts.offset_minutes)),
        last=_whole(local_day(orders.last_paid_at, facts.offset_minutes)),
        written=written,
    )


def _whole(day: str) -> str:
    """Keep a day on one line: its hyphens don't break."""
    return day.replace("-", "\N{NON-BREAKING HYPHEN}")
