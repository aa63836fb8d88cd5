"""From a price to points: the concession of an order and the split of each concession (domain.md, R1).

These run for every order; they are plain integer arithmetic.
"""

from dataclasses import dataclass
from typing import NamedTuple

from greenloop.core.faults import Refusal, say
from greenloop.core.money import PPM

MIN_CONCESSION_FEN = 10
RATE_MIN_PPM = 30_000
RATE_MAX_PPM = 200_000


@dataclass(frozen=True, slots=True)
class Split:
    """How each concession is divided, in ppm that sum to 1 000 000. `green_ppm` is the payout ratio a/b of R1."""

    green_ppm: int
    red_ppm: int
    coupon_ppm: int
    reserve_ppm: int
    fee_ppm: int


DEFAULT_SPLIT = Split(green_ppm=600_000, red_ppm=80_000, coupon_ppm=70_000, reserve_ppm=50_000, fee_ppm=200_000)


class Parts(NamedTuple):
    """One concession, divided: five amounts in fen. A tuple, because one is made for every order."""

    green_fen: int
    red_fen: int
    coupon_fen: int
    reserve_fen: int
    fee_fen: int

    @property
    def total(self) -> int:
        """Return the concession that was divided, in fen."""
        return sum(self)


def check_rate(rate_ppm: int) -> None:
    """Accept a concession rate of 3 % to 20 %.

    :raises Refusal: the rate is outside that range.
    """
    if not RATE_MIN_PPM <= rate_ppm <= RATE_MAX_PPM:
        raise Refusal(
            "concession.rate",
            say("A concession rate lies between {least} and {most} ppm (3 % to 20 %), not at {rate}; change the rate."),
            field="rate_ppm",
            least=RATE_MIN_PPM,
            most=RATE_MAX_PPM,
            rate=rate_ppm,
        )


def concession_fen(*, cash_fen: int, rate_ppm: int) -> int:
    """Return what the merchant gives up of `cash_fen`, rounded half up. Vouchers and coupons concede nothing."""
    return (cash_fen * rate_ppm * 2 + PPM) // (2 * PPM)


def split_concession(concession_fen: int, split: Split, *, red_room_fen: int) -> Parts:
    """Divide a concession into its five parts, to the fen.

    Each part is rounded down and the remainder goes to the reserve. `red_room_fen` is what the shopper's referrer may
    still receive, 0 without a referrer; the red part beyond it goes to the reserve, never to green. A concession
    below MIN_CONCESSION_FEN goes to the reserve whole.
    """
    if concession_fen < MIN_CONCESSION_FEN:
        return Parts(0, 0, 0, concession_fen, 0)
    green_fen = concession_fen * split.green_ppm // PPM
    red_fen = concession_fen * split.red_ppm // PPM
    if red_fen > red_room_fen:
        red_fen = max(0, red_room_fen)
    coupon_fen = concession_fen * split.coupon_ppm // PPM
    fee_fen = concession_fen * split.fee_ppm // PPM
    reserve_fen = concession_fen - green_fen - red_fen - coupon_fen - fee_fen
    return Parts(green_fen, red_fen, coupon_fen, reserve_fen, fee_fen)


def points_of(concession_fen: int, multiple_ppm: int) -> int:
    """Return the green points one side earns, in 1/100 point; 0 for a concession below MIN_CONCESSION_FEN."""
    if concession_fen < MIN_CONCESSION_FEN:
        return 0
    return concession_fen * multiple_ppm // PPM
