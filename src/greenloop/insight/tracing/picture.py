"""Where each fen of one order's price went: the price as a bar, and its concession below it, drawn wide."""

from collections.abc import Sequence
from typing import NamedTuple

from django.utils.translation import gettext as _

from greenloop.insight.blocks import Figure
from greenloop.insight.drawing import number, picture, tag, text
from greenloop.insight.figures import money, percent
from greenloop.store.queries.journeys import Journey

WIDTH = 360.0
HEADING, BAR, ROW, GAP = 12.0, 28.0, 18.0, 36.0
SLIVER = 1.5


class Piece(NamedTuple):
    """One piece of a bar: how it is coloured, its name, what it is for, its fen, and the share of the bar it is."""

    css: str
    label: str
    about: str
    fen: int
    share: str = ""


def price_pieces(journey: Journey) -> list[Piece]:
    """Return what the price was made of, and which of it the shop gave up; the fen add up to the price."""
    order = journey.order
    pieces = [
        Piece("fill-inflow", _("Cash to the shop"), "", order.cash_fen - order.concession_fen),
        Piece("fill-spent", _("Vouchers to the shop"), "", order.voucher_fen),
        Piece("fill-coupon", _("Coupons to the shop"), "", order.coupon_fen),
        Piece("fill-soft", _("Concession"), _("the part of the cash that the shop gives up"), order.concession_fen),
    ]
    return _shared(pieces)


def concession_pieces(journey: Journey) -> list[Piece]:
    """Return where the concession went; the fen add up to it."""
    order = journey.order
    green_about = _("the pool that vouchers are released from, to shopper and shop over time")
    if journey.without_points:
        reserve_about = _("all of it: below ¥0.10 a concession earns no points")
    elif order.referrer is None:
        reserve_about = _(
            "covers what refunds can't take back; nobody brought the shopper, so the red part is here too"
        )
    else:
        reserve_about = _("covers what refunds can't take back")
    pieces = [
        Piece("fill-green", _("Green pool"), green_about, order.green_part_fen),
        Piece("fill-red", _("Red pool"), _("vouchers for whoever brought the shopper, over time"), order.red_part_fen),
        Piece(
            "fill-coupon", _("Shopping coupon"), _("for the shopper, once the order has vested"), order.coupon_part_fen
        ),
        Piece("fill-reserve", _("Reserve"), reserve_about, order.reserve_part_fen),
        Piece("fill-fee", _("Platform fee"), _("pays for the platform"), order.fee_part_fen),
    ]
    if journey.given_back_fen:
        about = _("refunds lowered the concession before it was divided for good")
        pieces.append(Piece("fill-inflow", _("Given back by refunds"), about, journey.given_back_fen))
    return _shared([piece for piece in pieces if piece.fen or not journey.without_points])


def _shared(pieces: Sequence[Piece]) -> list[Piece]:
    all_fen = sum(piece.fen for piece in pieces)
    return [piece._replace(share=percent(piece.fen, all_fen)) for piece in pieces]


def figure(journey: Journey) -> Figure:
    """Draw both bars, each with its legend, and the lines from the concession to where it is drawn wide."""
    order, price_fen = journey.order, journey.price_fen
    above, below = price_pieces(journey), concession_pieces(journey)
    title = _("Where {price} went").format(price=money(price_fen))
    marks = [text(_("The price, {amount}").format(amount=money(price_fen)), 0, HEADING, css="strong")]
    marks += _legend(above, HEADING)
    top = HEADING + _legend_height(above)
    marks += _bar(above, price_fen, top)
    high = top + BAR + 2
    if order.concession_fen:
        left, base, top = WIDTH - WIDTH * order.concession_fen / price_fen, top + BAR, top + BAR + GAP
        path = f"M{number(left)} {number(base)}L0 {number(top)}M{number(WIDTH)} {number(base)}V{number(top)}"
        marks.append(tag("path", css="line-thin", d=path))
        said = _("of it the concession, {amount}").format(amount=money(order.concession_fen))
        marks.append(text(said, WIDTH - 4, top - 7, text_anchor="end", css="strong halo"))
        marks += [*_bar(below, order.concession_fen, top), *_legend(below, top + BAR)]
        high = top + BAR + _legend_height(below)
    about = ", ".join(f"{piece.label} {money(piece.fen)}" for piece in (*above[:3], *below) if piece.fen)
    svg = picture(marks, title=title, about=about, name="order", width=WIDTH, height=high)
    note = (
        _("Upper bar: how the price was paid. Lower bar: the shop's concession, and where each part of it went.")
        if order.concession_fen
        else _("Vouchers and coupons concede nothing: the shop receives all of it.")
    )
    return Figure(title, svg, note=note)


def _legend(pieces: Sequence[Piece], top: float) -> list[str]:
    marks = []
    for place, piece in enumerate(piece for piece in pieces if piece.fen):
        x, y = place % 2 * WIDTH / 2, top + 6 + ROW * (place // 2)
        marks.append(tag("rect", css=piece.css, x=x, y=y + 3, width=10, height=10, rx=2))
        marks.append(text(f"{piece.label} {money(piece.fen)}", x + 15, y + 12, css="halo"))
    return marks


def _legend_height(pieces: Sequence[Piece]) -> float:
    shown = sum(1 for piece in pieces if piece.fen)
    return 8 + ROW * ((shown + 1) // 2)


def _bar(pieces: Sequence[Piece], all_fen: int, top: float) -> list[str]:
    marks, x = [], 0.0
    for piece in pieces:
        width = WIDTH * piece.fen / max(1, all_fen)
        if piece.fen:
            said = tag("title", f"{piece.label}: {money(piece.fen)}, {piece.share}")
            shown = max(SLIVER, width - 1) if width > SLIVER else width
            marks.append(tag("rect", said, css=piece.css, x=x, y=top, width=shown, height=BAR))
        x += width
    return marks
