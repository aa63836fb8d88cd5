"""The Django app of the store."""

from django.apps import AppConfig


class StoreConfig(AppConfig):
    """All of Greenloop's own tables live in this one app."""

    name = "greenloop.store"
    label = "store"
