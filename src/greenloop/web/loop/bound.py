"""The bound on the average, for everybody: what can be released at most, and what has been so far."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from greenloop.insight import holdings as drawings
from greenloop.store.queries import bounds
from greenloop.web import clock
from greenloop.web.page import show


@require_safe
def bound(request: HttpRequest) -> HttpResponse:
    """Say in plain words what members can receive at most, with live figures."""
    rules = bounds.rules_at(clock.now())
    released = bounds.released()
    figure = drawings.distribution(released, rules.now.bound_ppm) if released and rules.now else None
    return show(
        request, "loop/bound.html", rules=rules.now, following=rules.following, released=released, figure=figure
    )
