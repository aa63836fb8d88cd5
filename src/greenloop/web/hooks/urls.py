"""Addresses of this room."""

from django.urls import URLPattern, path

from greenloop.web.hooks import log

urlpatterns: list[URLPattern] = [
    path("webhooks/", log.endpoints, name="webhooks"),
    path("webhooks/<int:number>/", log.endpoint, name="webhook"),
    path("webhooks/<int:number>/replay/", log.replay_all, name="webhook_replay"),
    path("webhooks/deliveries/<int:number>/", log.delivery, name="delivery"),
    path("webhooks/deliveries/<int:number>/replay/", log.replay_one, name="delivery_replay"),
]
