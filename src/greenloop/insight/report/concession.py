"""Where each yuan of concession went: its split, and the way of the money from there on."""

from typing import NamedTuple

from django.utils.translation import gettext as _

from greenloop.insight.blocks import Cell, Figure, Figures, Head, Key, Section, Table, Text, heads, row
from greenloop.insight.drawing import picture, tag, text
from greenloop.insight.figures import money, percent, permille, plain
from greenloop.insight.report.facts import Facts
from greenloop.insight.report.flow import HEIGHT, WIDTH, Link, Node, flow
from greenloop.store.queries.report import OrderSums

BAR_WIDTH, BAR_HEIGHT = 360.0, 58.0
NARROW = 0.055


class Part(NamedTuple):
    """One of the five parts of the split: how it is coloured, its name, what it is for, and its fen."""

    css: str
    label: str
    about: str
    fen: int


def section(facts: Facts) -> Section:
    """Return the split of what was conceded, and the flow from shop to shop."""
    parts = _parts(facts.orders)
    blocks = (
        Text((_said(facts.orders),)),
        Figures((_bar(facts.orders, parts),)),
        _split(facts.orders, parts),
        Figures((_flow(facts, parts),)),
        _vouchers(facts),
        *((_coupons(facts),) if facts.coupons else ()),
    )
    return Section("concession", _("Where each yuan of concession went"), blocks)


def _said(orders: OrderSums) -> str:
    sentence = _(
        "Shops gave up {conceded} of {cash} paid in cash. Of that, {kept} has vested and was split as below, {waiting} "
        "waits for its refund window, and {back} went back with refunds."
    )
    return sentence.format(
        conceded=money(orders.conceded_fen),
        cash=money(orders.cash_fen),
        kept=money(orders.kept_fen),
        waiting=money(orders.waiting_fen),
        back=money(orders.given_back_fen),
    )


def _parts(orders: OrderSums) -> list[Part]:
    green_about = _("vouchers for shoppers and shops, over the cycles of a plan")
    coupon_about = _("for the shopper, usable in full once the order has vested")
    reserve_about = _("covers what refunds can't take back; takes every remainder")
    return [
        Part("green", _("Green pools"), green_about, orders.green_fen),
        Part("red", _("Red pool"), _("vouchers for the shopper's direct referrer"), orders.red_fen),
        Part("coupon", _("Shopping coupons"), coupon_about, orders.coupon_part_fen),
        Part("reserve", _("Reserve"), reserve_about, orders.reserve_fen),
        Part("fee", _("Platform fee"), _("leaves the trust book once the cycle is settled"), orders.fee_fen),
    ]


def _bar(orders: OrderSums, parts: list[Part]) -> Figure:
    marks, x = [], 0.0
    for css, label, _about, fen in parts:
        width = BAR_WIDTH * fen / max(1, orders.kept_fen)
        said = tag("title", f"{label}: {percent(fen, orders.kept_fen)}")
        marks.append(tag("rect", said, css=f"part fill-{css}", x=x, y=6.0, width=width, height=BAR_HEIGHT - 24))
        if width > BAR_WIDTH * NARROW:
            words = percent(fen, orders.kept_fen, 0 if width < BAR_WIDTH / 8 else 1)
            marks.append(text(words, x + width / 2, BAR_HEIGHT - 6, text_anchor="middle"))
        x += width
    title = _("One yuan of concession")
    about = ", ".join(f"{label} {percent(fen, orders.kept_fen)}" for _css, label, _about, fen in parts)
    svg = picture(marks, title=title, about=about, name="split", width=BAR_WIDTH, height=BAR_HEIGHT)
    return Figure(title, svg, tuple(Key(f"fill-{css}", label) for css, label, _about, _fen in parts))


def _split(orders: OrderSums, parts: list[Part]) -> Table:
    rows = tuple(
        (
            *(Cell(label), Cell(about), Cell(plain(fen))),
            Cell(percent(fen, orders.kept_fen, 2), permille(fen, orders.kept_fen)),
        )
        for _css, label, about, fen in parts
    )
    members = orders.green_fen + orders.red_fen + orders.coupon_part_fen
    share = _("Member share, green + red + coupon")
    return Table(
        _("The split of vested concessions"),
        (*heads(_("Part")), Head(_("For what"), figure=False, sentence=True), Head(_("Amount, ¥")), Head(_("Share"))),
        (*rows, row(share, "", plain(members), percent(members, orders.kept_fen, 2))),
        row(_("Vested concessions"), "", plain(orders.kept_fen), percent(1, 1, 2)),
    )


def _flow(facts: Facts, parts: list[Part]) -> Figure:
    orders, pools = facts.orders, facts.pools
    released = sum(pool.backing_fen for pool in pools)
    free = sum(pool.free_fen for pool in pools)
    undrawn, unspent = sum(pool.undrawn_fen for pool in pools), sum(pool.unspent_fen for pool in pools)
    used, expired = sum(pool.used_fen for pool in pools), sum(pool.expired_fen for pool in pools)
    drawn = released - undrawn
    left = [
        ("waiting", 1, orders.waiting_fen, _("Not vested yet"), "fill-soft"),
        ("back", 1, orders.given_back_fen, _("Back by refunds"), "fill-soft"),
        ("released", 2, released, _("Released"), "fill-issue"),
        ("free", 2, free, _("Still free"), "fill-inflow"),
        ("drawn", 3, drawn, _("Drawn"), "fill-issue"),
        ("undrawn", 3, undrawn, _("Not drawn yet"), "fill-inflow"),
        ("used", 4, used, _("Spent in shops"), "fill-spent"),
        ("unspent", 4, unspent, _("Unspent"), "fill-inflow"),
        ("expired", 4, expired, _("Expired"), "fill-soft"),
    ]
    whole = [("all", 0, orders.conceded_fen, _("Conceded"), "fill-conceded")]
    split = [(css, 1, fen, label, f"fill-{css}") for css, label, _about, fen in parts]
    nodes = [Node(key, column, fen, label, money(fen), css) for key, column, fen, label, css in whole + split + left]
    red = sum(pool.backing_fen for pool in pools if pool.is_red)
    links = [
        *(Link("all", key, fen) for key, column, fen, _label, _css in split + left if column == 1),
        *(Link("green", "released", released - red), Link("red", "released", red)),
        *(Link(key, "free", sum(pool.free_fen for pool in pools if pool.is_red is is_red)) for key, is_red in _POOLS),
        *(Link("released", "drawn", drawn), Link("released", "undrawn", undrawn)),
        *(Link("drawn", "used", used), Link("drawn", "unspent", unspent), Link("drawn", "expired", expired)),
    ]
    title = _("The way of the money")
    about = "; ".join(f"{node.label} {node.figure}" for node in nodes if node.fen)
    svg = picture([flow(nodes, links)], title=title, about=about, name="flow", width=WIDTH, height=HEIGHT)
    note = _(
        "What expires unspent returns to its pool and is released again, so a pool can release more than it was paid."
    )
    return Figure(title, svg, note=note if expired else "", wide=True)


_POOLS = (("green", False), ("red", True))


def _vouchers(facts: Facts) -> Table:
    rows = []
    for pool in facts.pools_by_size:
        drawn = pool.backing_fen - pool.undrawn_fen
        amounts = (pool.backing_fen, pool.undrawn_fen, drawn, pool.used_fen, pool.expired_fen, pool.unspent_fen)
        rows.append((pool.name, amounts))
    sums = [sum(column) for column in zip(*(amounts for _name, amounts in rows), strict=True)] or [0] * 6
    return Table(
        _("What became of released vouchers"),
        heads(
            *(_("Pool"), _("Released, ¥"), _("Not drawn yet, ¥"), _("Drawn, ¥"), _("of it spent, ¥")),
            *(_("expired, ¥"), _("unspent, ¥")),
        ),
        tuple(row(name, *map(plain, amounts)) for name, amounts in rows),
        row(_("All pools"), *map(plain, sums)),
    )


def _coupons(facts: Facts) -> Table:
    names = {"earned": _("Earned by orders"), "grant": _("First-order rebates")}
    rows = [
        row(
            names.get(kind.kind, kind.kind),
            *map(plain, (kind.face_fen, kind.used_fen, kind.expired_fen, kind.left_fen)),
        )
        for kind in facts.coupons
    ]
    return Table(
        _("What became of shopping coupons"),
        heads(_("Coupons"), _("Given, ¥"), _("Used, ¥"), _("Expired into the reserve, ¥"), _("Still usable, ¥")),
        tuple(rows),
    )
