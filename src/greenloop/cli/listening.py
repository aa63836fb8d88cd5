"""A port that is listened on once: two servers on one would both begin, and answer in turns.

A server of several processes shares its port among them, so the system lets a second server share it too.
"""

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from greenloop.core.faults import Refusal, say


@contextmanager
def sole(host: str, port: int) -> Iterator[None]:
    """Be the only server on a port until the block ends.

    :raises Refusal: somebody listens there already, the port isn't ours to take, or the address isn't this machine's.
    """
    with ExitStack() as held:
        try:
            if sys.platform == "linux":
                # A name that is free again when this process ends, however it does: it keeps apart two that begin at
                # once, before either listens.
                mark = held.enter_context(socket.socket(socket.AF_UNIX))
                mark.bind(f"\0greenloop/serve/{host}/{port}")
            _probe(host, port)
        except socket.gaierror as fault:
            raise _unusable(host, port, fault) from None
        except OSError as fault:
            if fault.errno != errno.EADDRINUSE:
                raise _unusable(host, port, fault) from None
            message = say(
                "Port {port} of {host} is taken: another server listens there. Stop it, or name another port with "
                "--port."
            )
            raise Refusal("serve.port", message, field="--port", host=host, port=port) from None
        yield


def _probe(host: str, port: int) -> None:
    """Listen on a port without sharing it, and leave it again."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have ended don't count
        probe.bind(address)
        probe.listen(1)


def _unusable(host: str, port: int, fault: OSError) -> Refusal:
    message = say(
        "Port {port} of {host} can't be listened on: {reason}. Name another port with --port (above 1023 without "
        "special rights), or one of this machine's addresses with --host."
    )
    return Refusal("serve.address", message, field="--host", host=host, port=port, reason=fault.strerror or str(fault))
