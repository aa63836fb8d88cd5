"""What members, merchants and the public are shown of the alliance, with live figures and without a sign-in."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from greenloop.store.queries import disclosed
from greenloop.store.queries.bounds import RulesFact
from greenloop.store.queries.multiples import Multiples
from greenloop.web import clock
from greenloop.web.page import show
from greenloop.web.words import percent


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show everything that guardrails.md wants shown; the figures are a minute old at most."""
    found = disclosed.disclosed(clock.now())
    return show(
        request,
        "trust/disclosures.html",
        found=found,
        rules=found.rules.now,
        following=found.rules.following,
        split=_split(found.rules.now),
        stands=[(pool, stand, _reached(stand)) for pool, stand in found.stands],
        entries=[(each.cycle, each.stand, _reached(each.stand)) for each in found.entries],
        service_desk=settings.GREENLOOP_SERVICE_DESK,
    )


def _split(rules: RulesFact | None) -> list[tuple[str, str]]:
    """Return the parts of a concession by the rules in force, and where each goes."""
    if rules is None:
        return []
    split = rules.rules.split
    return [
        (_("green pools, for holders of green points"), percent(split.green_ppm)),
        (_("red pool, for who brought the shopper; without such a person to the reserve"), percent(split.red_ppm)),
        (_("shopping coupon of the shopper"), percent(split.coupon_ppm)),
        (_("reserve, for refunds that nobody else can bear"), percent(split.reserve_ppm)),
        (_("fee of the platform"), percent(split.fee_ppm)),
    ]


def _reached(stand: Multiples) -> list[str]:
    """Return which part of the points released 1, 2 and 5 times themselves, with the fewest releases it took."""
    return [
        _("{share} in {releases}").format(share=percent(each.ppm), releases=each.releases)
        if each.releases
        else percent(each.ppm)
        for each in stand.reached
    ]
