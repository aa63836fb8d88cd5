"""Addresses that belong to no room: the front door, the way home, choices of language and theme, the living page."""

from django.urls import path

from greenloop.web import design, front

urlpatterns = [
    path("", front.front, name="front"),
    path("home/", front.home, name="home"),
    path("choose/", front.choose, name="choose"),
    path("design/", design.design, name="design"),
    path("robots.txt", front.robots, name="robots"),
]
