"""What a replayed year came to, as tables and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from greenloop.cli.answer import count, money, pairs, table
from greenloop.cli.words import gettext
from greenloop.core.faults import say
from greenloop.core.money import PPM

if TYPE_CHECKING:
    from greenloop.insight.report import Year
    from greenloop.sim.town import TownSummary
    from greenloop.sim.year import YearSummary

REASONS = {
    "order.zero": say("nothing to pay"),
    "order.amount": say("a price below 0, or too large"),
    "order.coupon_fen": say("more coupons than there were"),
    "order.voucher_fen": say("more vouchers than there were"),
    "order.paid_at": say("paid before enrolment, or ahead"),
    "refund.order": say("nothing was bought"),
}
"""Why baskets and refunds were refused, by the code of the refusal; another code is shown as it is."""

STAGES = {
    "load": say("read the baskets"),
    "enrol": say("enrol"),
    "look into wallets": say("look into wallets"),
    "take": say("take orders"),
    "confirm": say("confirm cash"),
    "refund": say("refund"),
    "pay out": say("pay merchants"),
    "vest": say("vest"),
    "settle": say("settle"),
    "fees": say("move fees"),
    "expire": say("expire"),
    "keep": say("hand over to the trust book"),
    "check": say("prove the books"),
    "report": say("write the report"),
    "root": say("publish what is owed"),
    "lines": say("lay out the lines of fen"),
    "supervision": say("write the supervision report"),
    "bundle": say("write the bundle"),
    "verify": say("verify the bundle"),
}


def year_facts(summary: "YearSummary", seconds: Mapping[str, float]) -> dict[str, Any]:
    """Return the summary for programs; amounts are fen, shares ppm, times seconds."""
    return asdict(summary) | {
        "inflow_fen": summary.inflow_fen,
        "issued_fen": summary.issued_fen,
        "green_issued_fen": _green_issued_fen(summary),
        "coverage_ppm": summary.coverage_ppm,
        "multiple_ppm": _multiples(),
        "seconds": {stage: round(spent, 3) for stage, spent in seconds.items()},
    }


def reported(summary: "YearSummary", seconds: Mapping[str, float]) -> "Year":
    """Return what the report can't find in the books."""
    from greenloop.insight.report import Year

    times = {gettext(STAGES[stage]) if stage in STAGES else stage: spent for stage, spent in seconds.items()}
    source = gettext("a year of supermarket baskets, published by 84.51° for research and education")
    return Year(source=source, baskets=summary.baskets, refused=summary.refused, seconds=times, seed=summary.seed)


def _green_issued_fen(summary: "YearSummary") -> int:
    return sum(pool.issued_fen for pool in summary.pools if not pool.is_red)


def _multiples() -> dict[str, int] | None:
    """Return the multiples that holders of green points have realised so far, in ppm: vouchers per point."""
    from greenloop.store.queries import report

    spread = next((found for found in report.spreads() if found.pool_id is None), None)
    if spread is None or not spread.points:
        return None
    mean_ppm = spread.released_fen * PPM // spread.points
    return {"mean": mean_ppm, "median": spread.median_ppm, "p90": spread.p90_ppm, "holders": spread.holders}


def year_shown(summary: "YearSummary", seconds: Mapping[str, float]) -> list[Any]:
    """Return the summary for people."""
    stages = [(gettext(STAGES[name]) if name in STAGES else name, f"{spent:,.1f}") for name, spent in seconds.items()]
    stages.append((gettext("together"), f"{sum(seconds.values()):,.1f}"))
    return [
        pairs(gettext("The year"), [*_baskets(summary), *_money(summary)]),
        table(gettext("Time by stage"), [gettext("stage"), gettext("seconds")], stages),
    ]


def _baskets(summary: "YearSummary") -> list[tuple[str, object]]:
    refused = sum(summary.refused.values())
    rows: list[tuple[str, object]] = [
        (gettext("seed"), summary.seed),
        (gettext("plan"), gettext("{plan}, cycles of {days} days").format(plan=summary.plan, days=summary.cycle_days)),
        (gettext("baskets"), count(summary.baskets)),
        (gettext("taken"), count(summary.orders.count)),
        (gettext("refused"), count(refused)),
    ]
    rows += [(f"  {_reason(code)}", count(number)) for code, number in summary.refused.items()]
    states = {"paid": gettext("refunds paid"), "pending": gettext("refunds that wait for money")}
    return [
        *rows,
        (gettext("taken without points (concession below 10 fen)"), count(summary.orders.without_points)),
        (gettext("members and merchants"), f"{count(summary.households)}, {count(summary.stores)}"),
        *((states[state], count(number)) for state, number in summary.refunds.items()),
        *((gettext("refunds refused"), count(sum(summary.refunds_refused.values()))) for _ in summary.refunds_refused),
    ]


def _reason(code: str) -> str:
    return gettext(REASONS[code]) if code in REASONS else code


def _money(summary: "YearSummary") -> list[tuple[str, object]]:
    issued_fen, bound_fen = _green_issued_fen(summary), summary.payout_bound_fen
    coverage_ppm, multiples = summary.coverage_ppm, _multiples()
    bound = gettext("{issued} {sign} {bound} (concessions × payout ratio)")
    sign = "≤" if issued_fen <= bound_fen else ">"
    rows: list[tuple[str, object]] = [
        (gettext("cycles settled"), count(summary.cycles_settled)),
        (gettext("concessions vested, yuan"), money(summary.orders.entered_fen)),
        (gettext("vouchers issued, yuan"), bound.format(issued=money(issued_fen), sign=sign, bound=money(bound_fen))),
        (gettext("vouchers spent, yuan"), money(summary.orders.voucher_fen)),
        (gettext("coverage of the least covered pool"), "–" if coverage_ppm is None else _times(coverage_ppm, 2)),
    ]
    if multiples:
        spread = gettext("mean {mean}, median {median}, P90 {p90}")
        told = spread.format(**{name: _times(multiples[name], 3) for name in ("mean", "median", "p90")})
        rows.append((gettext("realised multiple so far (the cap is 5 ×)"), told))
    return rows


def _times(ppm: int, places: int) -> str:
    whole, rest = divmod(ppm * 10**places // PPM, 10**places)
    return f"{whole:,}.{rest:0{places}d} ×"


def town_shown(summary: "TownSummary") -> list[Any]:
    """Return what a seeded town came to, for people."""
    rows: list[tuple[str, object]] = [
        (gettext("seed"), summary.seed),
        (gettext("members and merchants"), f"{count(summary.members)}, {count(summary.merchants)}"),
        (gettext("orders"), count(summary.orders.count)),
        (gettext("cycles settled"), count(summary.cycles)),
        (gettext("vouchers issued, yuan"), money(sum(pool.issued_fen for pool in summary.pools))),
        (gettext("vouchers spent, yuan"), money(summary.orders.voucher_fen)),
        (gettext("refunds"), count(sum(summary.refunds.values()))),
        (gettext("refused on purpose"), count(sum(summary.refused.values()))),
    ]
    return [pairs(gettext("The town"), rows)]
