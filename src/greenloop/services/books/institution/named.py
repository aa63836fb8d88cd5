"""The payment institution that the environment names."""

import json
from functools import cache
from pathlib import Path

from django.conf import settings

from greenloop.core.faults import Refusal, say
from greenloop.services.books.institution.gateway import Gateway
from greenloop.services.books.institution.sandbox import Sandbox

SANDBOX, WECHAT = "sandbox+", "wechat:"


def gateway() -> Gateway | None:
    """Return the institution, None where none is named: instructions wait then.

    :raises Refusal: what is named can't be one.
    """
    address = str(settings.GREENLOOP_INSTITUTION)
    return _made(address, str(settings.GREENLOOP_INSTITUTION_SECRET)) if address else None


def called() -> str:
    """Return the name under which its notices come, empty where there is none."""
    address = str(settings.GREENLOOP_INSTITUTION)
    return "sandbox" if address.startswith(SANDBOX) else "wechat" if address.startswith(WECHAT) else ""


@cache
def _made(address: str, secret: str) -> Gateway:
    if address.startswith(SANDBOX) and secret:
        return Sandbox(url=address.removeprefix(SANDBOX), secret=secret)
    if address.startswith(WECHAT):
        from greenloop.services.books.institution import wechat

        return wechat.opened(json.loads(Path(address.removeprefix(WECHAT)).read_text("utf-8")))
    message = say("GREENLOOP_INSTITUTION is sandbox+http://… with a secret, or wechat: and the path of a file.")
    raise Refusal("institution.address", message, field="GREENLOOP_INSTITUTION")
