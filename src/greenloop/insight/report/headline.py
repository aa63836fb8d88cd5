"""The first screen: how much came in, how much was issued against it, and whether the books balance."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from greenloop.insight.blocks import Block, Cell, Section, Stat, Stats, Table, Text, heads, row
from greenloop.insight.figures import count, money, percent, plain, ratio, times, times_of
from greenloop.insight.report.facts import Facts
from greenloop.store.queries.report import PoolSums


def section(facts: Facts) -> Section:
    """Return the headline."""
    blocks: list[Block] = [Stats((*_orders(facts), *_vouchers(facts), _books(facts))), _bound(facts)]
    if facts.year and facts.year.refused:
        blocks.append(_refused(facts.year.refused))
    blocks.append(
        Text(
            (
                _(
                    "Issued is net: what refunds returned and what expired unspent is back in its pool. Coverage is "
                    "(free + accrued + voucher) ÷ (accrued + voucher): the money of a pool over the vouchers it owes. "
                    "Ratios are rounded down."
                ),
            ),
            tone="note",
        )
    )
    return Section("headline", _("At a glance"), tuple(blocks))


def _orders(facts: Facts) -> list[Stat]:
    orders, year = facts.orders, facts.year
    if year:
        refused = sum(year.refused.values())
        note = _("of {baskets} baskets; {refused} refused").format(baskets=count(year.baskets), refused=count(refused))
    else:
        note = _("{money} in cash").format(money=money(orders.cash_fen))
    cycles = max((pool.settled for pool in facts.pools), default=0)
    runs = _("{pools} pools, {runs} settlements").format(
        pools=count(len(facts.pools)), runs=count(sum(pool.settled for pool in facts.pools))
    )
    return [
        Stat(_("Orders taken"), count(orders.orders), note),
        Stat(_("Cycles settled"), count(cycles), runs),
    ]


def _vouchers(facts: Facts) -> list[Stat]:
    inflow = sum(pool.inflow_fen for pool in facts.pools)
    issued = sum(_issued(pool) for pool in facts.pools)
    free, owed = sum(pool.free_fen for pool in facts.pools), sum(pool.owed_fen for pool in facts.pools)
    conceded = _("from {money} of concessions").format(money=money(facts.orders.kept_fen))
    part = _("{percent} of what was paid in").format(percent=percent(issued, inflow))
    covered = _("{money} of vouchers owed").format(money=money(owed))
    stats = [
        Stat(_("Paid into pools"), money(inflow), conceded),
        Stat(_("Vouchers issued"), money(issued), part, "good" if issued <= inflow else "bad"),
        Stat(_("Coverage"), ratio(free + owed, owed), covered, "good" if free >= 0 else "bad"),
    ]
    if spread := facts.spreads.get(None):
        quantiles = _("median {median}, P90 {p90}").format(median=times(spread.median_ppm), p90=times(spread.p90_ppm))
        stats.append(Stat(_("Realised multiple, mean"), times_of(spread.released_fen, spread.points), quantiles))
    return stats


def _books(facts: Facts) -> Stat:
    broken = sum(1 for proof in facts.proofs if not proof.holds)
    if broken:
        note = _("{broken} of {proofs} proofs fail").format(broken=count(broken), proofs=count(len(facts.proofs)))
        return Stat(_("Books"), _("not balanced"), note, "bad")
    note = _("all {proofs} proofs hold").format(proofs=count(len(facts.proofs)))
    return Stat(_("Books"), _("balanced"), note, "good")


def _issued(pool: PoolSums) -> int:
    return pool.backing_fen - pool.expired_fen


def _bound(facts: Facts) -> Table:
    rows = []
    for pool in facts.pools_by_size:
        a, b = pool.allot
        cells = (
            *(pool.name, plain(pool.collected_fen), percent(a, b, 0), plain(pool.collected_fen * a // b)),
            *(plain(pool.inflow_fen), plain(_issued(pool)), plain(pool.free_fen)),
            ratio(pool.free_fen + pool.owed_fen, pool.owed_fen),
        )
        rows.append(row(*cells))
    pools = facts.pools
    free, owed = sum(pool.free_fen for pool in pools), sum(pool.owed_fen for pool in pools)
    most = sum(pool.collected_fen * pool.allot[0] // pool.allot[1] for pool in pools)
    foot = (
        *(_("All pools"), "", "", plain(most), plain(sum(pool.inflow_fen for pool in pools))),
        *(plain(sum(_issued(pool) for pool in pools)), plain(free), ratio(free + owed, owed)),
    )
    return Table(
        _("Vouchers issued ≤ paid in ≤ concession × payout"),
        heads(
            *(_("Pool"), _("Concessions, ¥"), _("Payout"), _("At most, ¥"), _("Paid in, ¥"), _("Issued, ¥")),
            *(_("Still free, ¥"), _("Coverage")),
        ),
        tuple(rows),
        row(*foot),
    )


def _refused(refused: Mapping[str, int]) -> Table:
    reasons = _reasons()
    often_first = sorted(refused, key=lambda code: (-refused[code], code))
    rows = [row(reasons.get(code, code), count(refused[code])) for code in often_first]
    return Table(
        _("Refused, by reason"),
        heads(_("Reason"), _("Baskets")),
        tuple(rows),
        (Cell(_("Together")), Cell(count(sum(refused.values())))),
    )


def _reasons() -> dict[str, str]:
    return {
        "order.zero": _("The price is 0: there is nothing to take"),
        "order.amount": _("An amount is negative, huge or not whole"),
        "order.voucher_fen": _("More vouchers than the member has"),
        "order.coupon_fen": _("More coupons than the member has"),
        "order.merchant": _("The merchant is not enrolled"),
        "order.member": _("The member is not enrolled"),
        "order.no": _("There is no usable order number"),
        "order.conflict": _("The order number stands for another order"),
        "order.paid_at": _("The time of payment is ahead, or before enrolment"),
        "order.rate": _("The merchant had no rate card at that time"),
        "order.shop": _("The store is not one of the merchant's"),
        "spend.balance": _("More vouchers or coupons than the member has"),
        "spend.coupon": _("The merchant takes no shopping coupons"),
        "spend.held": _("The member is on hold"),
        "spend.own_shop": _("Vouchers at the holder's own shop"),
    }
