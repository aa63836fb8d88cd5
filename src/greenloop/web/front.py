"""The front door, the way to one's own first page, and the choice of language and theme."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from greenloop.web import access
from greenloop.web.page import THEMES, show

YEAR_S = 31_536_000


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """Say what this is, and show the doors."""
    if access.visitor(request):
        return HttpResponseRedirect(reverse("home"))
    return show(request, "front.html")


@access.signed_in
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Lead visitors to the page that is theirs: the overview, a statement, a wallet."""
    found = access.visitor(request)
    if found is None or not (found.staff or found.merchants or found.member_ref):
        return show(request, "nobody.html")
    if access.only_reads(found):
        return HttpResponseRedirect(reverse("portal"))
    name = "overview" if found.staff else "statement" if found.merchants else "wallet"
    return HttpResponseRedirect(reverse(name))


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep a choice of language or theme in a cookie, and go back to the page it was made on."""
    back = request.POST.get("back", "/")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = "/"
    response = HttpResponseRedirect(back)
    language, theme = request.POST.get("language", ""), request.POST.get("theme", "")
    if translation.check_for_language(language) and language in dict(settings.LANGUAGES):
        response.set_cookie(
            *(settings.LANGUAGE_COOKIE_NAME, language), max_age=YEAR_S, samesite="Lax", secure=settings.HTTPS
        )
    if theme in (*THEMES, "device"):
        response.set_cookie(
            *("theme", "" if theme == "device" else theme), max_age=YEAR_S, samesite="Lax", secure=settings.HTTPS
        )
    return response


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Ask search engines to stay out: what is here belongs to members."""
    del request
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain")
