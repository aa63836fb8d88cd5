"""Every address the product answers to."""

from django.urls import include, path

urlpatterns = [
    path("", include("greenloop.api.urls")),
    path("", include("greenloop.web.urls")),
    path("", include("greenloop.web.people.urls")),
    path("", include("greenloop.web.loop.urls")),
    path("", include("greenloop.web.books.urls")),
    path("", include("greenloop.web.trust.urls")),
    path("", include("greenloop.web.hooks.urls")),
]
handler400 = "greenloop.web.refusals.bad_request"
handler403 = "greenloop.web.refusals.forbidden"
handler404 = "greenloop.web.refusals.not_found"
handler500 = "greenloop.web.refusals.broken"
