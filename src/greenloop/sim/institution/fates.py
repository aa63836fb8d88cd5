"""What goes wrong with a payment, drawn from a seed and the payment alone: the order of calls doesn't matter."""

import hashlib
from dataclasses import dataclass

PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """How often something goes wrong, in ppm of all payments; each payment has at most one fate of its notice."""

    repeated_ppm: int = 0
    late_ppm: int = 0
    lost_ppm: int = 0
    wrong_ppm: int = 0
    charged_back_ppm: int = 0
    unpaid_ppm: int = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """A payment's fate: `notice` is once, repeated, late, lost or wrong; whether it is charged back, or never made."""

    notice: str
    is_charged_back: bool
    is_unpaid: bool = False


def fate_of(rates: Rates, seed: int, about: str) -> Fate:
    """Return the fate of the payment of `about`, the same for one seed whenever it is asked."""
    number = _draw(seed, "notice", about)
    shares = {
        "repeated": rates.repeated_ppm,
        "late": rates.late_ppm,
        "lost": rates.lost_ppm,
        "wrong": rates.wrong_ppm,
    }
    until = 0
    notice = "once"
    for name, ppm in shares.items():
        until += ppm
        if number < until:
            notice = name
            break
    is_unpaid = _draw(seed, "unpaid", about) < rates.unpaid_ppm
    return Fate(notice, _draw(seed, "back", about) < rates.charged_back_ppm, is_unpaid)


def _draw(seed: int, what: str, about: str) -> int:
    """Return a number from 0 to 999 999, spread evenly but for one part in 10**13."""
    digest = hashlib.sha256(f"{seed}/{what}/{about}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % PPM
