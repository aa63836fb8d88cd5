"""Where an endpoint may be: HTTPS on the public internet. Asked when it is registered, and again at each delivery.

A name that leads into the operator's own network would make the service fetch there what its caller can't; so every
address that a name has must be public, and a delivery connects to the very address that was looked at.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from queue import Empty, Queue
from threading import BoundedSemaphore, Thread
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from greenloop.core.faults import Refusal, say

URL_MAX = 500
HTTPS_PORT = 443
FREE_PORT_MIN = 1_024
HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45}")
GLOBAL = ip_network("2000::/3")
LOOK_UP_S = 5
"""After so long a name counts as one without an address: its name server is its owner's, and may never answer."""
LOOK_UPS_MAX = 64
_look_ups = BoundedSemaphore(LOOK_UPS_MAX)
TUNNELS = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16")))
"""Addresses of IPv6 that hold one of IPv4, or mean nothing: what they lead to isn't what they look like."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send: the parts of an endpoint's URL. `path` has the query with it."""

    host: str
    port: int
    path: str
    is_https: bool


def target(url: str) -> Target:
    """Read an endpoint's URL.

    :raises Refusal: it can't be one: not https, with a name or a fragment in it, or on a port that isn't offered.
    """
    if len(url) > URL_MAX or not url.isascii() or not url.isprintable() or " " in url:
        raise _refused(say("Write the address in plain ASCII, at most {most} characters."), most=URL_MAX)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refused(say("This is no address. Write https://, a host and a path.")) from None
    if "@" in parts.netloc or parts.fragment or not HOST.fullmatch(host):
        raise _refused(say("Write https://, a host and a path, without a user name and without #."))
    is_https = parts.scheme == "https"
    if not is_https and not (parts.scheme == "http" and settings.GREENLOOP_HOOKS_TO_LOOPBACK and _is_loopback(host)):
        raise _refused(say("Events are sent over https alone. Write an address that begins with https://."))
    port = port if port is not None else HTTPS_PORT if is_https else 80
    if port != HTTPS_PORT and port < FREE_PORT_MIN:
        raise _refused(say("Use port 443, or one from 1024 on."))
    return Target(host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), is_https)


def resolved(to: Target) -> str:
    """Return an address to connect to, once all that its host's name has are seen to be public.

    :raises Refusal: the name has no address, none within LOOK_UP_S, or one that isn't public.
    """
    try:
        found = _looked_up(to)
    except Empty:
        message = say("The address of {host} wasn't found within {seconds} s. Look at its DNS.")
        raise _refused(message, host=to.host, seconds=LOOK_UP_S) from None
    except (OSError, UnicodeError):
        raise _refused(say("The name {host} has no address. Look at its DNS."), host=to.host) from None
    addresses = [str(each[4][0]) for each in found]
    if not addresses or not all(map(_is_allowed, addresses)):
        message = say("{host} leads to an address that isn't on the public internet. Use one that is.")
        raise _refused(message, host=to.host)
    return addresses[0]


def _looked_up(to: Target) -> list[Any]:
    """Look a name up in a thread of its own: a name server that never answers holds up no other name, and no end.

    :raises Empty: there was no answer in time.
    :raises OSError: there is no such name.
    """
    answers: Queue[list[Any] | Exception] = Queue(1)

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM))
        except Exception as fault:  # noqa: BLE001  whatever it is, who waits is told
            answers.put(fault)
        finally:
            _look_ups.release()

    if not _look_ups.acquire(timeout=LOOK_UP_S):
        raise Empty
    Thread(target=ask, name="greenloop-name", daemon=True).start()
    found = answers.get(timeout=LOOK_UP_S)
    if isinstance(found, Exception):
        raise found
    return found


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet, and plainly so."""
    try:
        found = ip_address(address)
    except ValueError:  # with a zone, such as fe80::1%eth0
        return False
    if isinstance(found, IPv6Address) and (found not in GLOBAL or any(found in net for net in TUNNELS)):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def _is_allowed(address: str) -> bool:
    return is_public(address) or (settings.GREENLOOP_HOOKS_TO_LOOPBACK and _is_loopback(address))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or IPv4Address(host).is_loopback
    except ValueError:
        return host == "::1"


def _refused(message: str, **facts: object) -> Refusal:
    return Refusal("webhook.address", message, field="url", **facts)
