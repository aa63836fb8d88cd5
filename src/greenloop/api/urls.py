"""The addresses of the API."""

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from greenloop.api.problems import Problem
from greenloop.api.routes import api, no
from greenloop.core.faults import say


@csrf_exempt
def nothing(request: HttpRequest) -> HttpResponse:
    """Answer an address of the API at which there is nothing."""
    return no(request, Problem(404, "address.unknown", say("There is nothing at this address.")))


urlpatterns = [path("v1/", api.urls), re_path("^v1/.*$", nothing)]
