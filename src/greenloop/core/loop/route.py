"""One routing rule: which orders it is for, the pool and plan they enter, and the multiples both sides earn."""

from collections.abc import Collection
from dataclasses import dataclass

from greenloop.core.money import PPM
from greenloop.core.reading import Fields

MULTIPLE_MAX_PPM = 100 * PPM
SETS = ("cities", "grades", "multiples_ppm", "stores")
KEYS = ("pool", "plan", "member_multiple_ppm", "merchant_multiple_ppm", "member", *SETS)


@dataclass(frozen=True, slots=True)
class Route:
    """Orders that meet every condition enter `pool` under `plan`; a condition of None is met by all.

    `cities`, `grades`, `multiples_ppm` (the rebate multiple) and `stores` are the merchant's; `member` is "new" or
    "old". The shopper earns `member_multiple_ppm` of the concession as points, the merchant `merchant_multiple_ppm`.
    """

    pool: str
    plan: str
    member_multiple_ppm: int = PPM
    merchant_multiple_ppm: int = PPM
    cities: frozenset[str] | None = None
    member: str | None = None
    grades: frozenset[str] | None = None
    multiples_ppm: frozenset[int] | None = None
    stores: frozenset[str] | None = None

    @property
    def multiple_max_ppm(self) -> int:
        """Return the larger multiple of the two sides."""
        return max(self.member_multiple_ppm, self.merchant_multiple_ppm)

    @property
    def points_ppm(self) -> int:
        """Return the sum of both multiples: the points that a unit of concession makes."""
        return self.member_multiple_ppm + self.merchant_multiple_ppm

    @property
    def unconditional(self) -> bool:
        """Whether every order meets this route."""
        return self.member is None and all(getattr(self, name) is None for name in SETS)


def read_route(fields: Fields) -> Route:
    """Read one routing rule; what is wrong with it is kept in `fields`."""
    fields.only(KEYS)
    multiples = [
        fields.whole(side, least=0, most=MULTIPLE_MAX_PPM) if fields.has(side) else PPM
        for side in ("member_multiple_ppm", "merchant_multiple_ppm")
    ]
    return Route(
        pool=fields.text("pool"),
        plan=fields.text("plan"),
        member_multiple_ppm=multiples[0],
        merchant_multiple_ppm=multiples[1],
        cities=fields.maybe_texts("cities"),
        member=fields.maybe_choice("member", ("new", "old")),
        grades=fields.maybe_texts("grades"),
        multiples_ppm=fields.maybe_wholes("multiples_ppm", least=0, most=MULTIPLE_MAX_PPM),
        stores=fields.maybe_texts("stores"),
    )


def covers(earlier: Route, later: Route) -> bool:
    """Tell whether every order that `later` is for meets `earlier` already, so that `later` is never reached."""
    if earlier.member is not None and earlier.member != later.member:
        return False
    return all(_within(getattr(later, name), getattr(earlier, name)) for name in SETS)


def _within(inner: Collection[object] | None, outer: Collection[object] | None) -> bool:
    return outer is None or (inner is not None and set(inner) <= set(outer))
