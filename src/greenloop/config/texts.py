"""Adapters of the text-message port. A real provider's is named by `GREENLOOP_TEXTS`; this one is for development."""

import sys

from django.conf import settings
from django.utils.module_loading import import_string

from greenloop.core.people.phone import masked
from greenloop.services.people.texts import Sender


class ConsoleSender:
    """Shows text messages on the console instead of sending them; of the number it shows no more than a hint."""

    def send(self, *, phone: str, text: str) -> None:
        """Print the message at once, so that whoever tries the pages can go on."""
        sys.stderr.write(f"[text message to {masked(phone)}] {text}\n")
        sys.stderr.flush()


def sender() -> Sender:
    """Return the sender that the settings name."""
    found: Sender = import_string(settings.GREENLOOP_TEXTS)()
    return found
