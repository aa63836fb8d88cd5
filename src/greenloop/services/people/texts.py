"""The port for text messages: what a sender is. Its adapters live in config; `GREENLOOP_TEXTS` names the one in use."""

from typing import Protocol


class Sender(Protocol):
    """Sends one text message to one phone."""

    def send(self, *, phone: str, text: str) -> None:
        """Send `text` to `phone`, written as + and digits; return once it has been handed over."""
