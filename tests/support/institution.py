"""The sandbox institution in a thread of the test, its clock held, with notices that come in by a door."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Thread

from greenloop.services.books.institution.sandbox import Sandbox
from greenloop.services.books.keeper import keep_all
from greenloop.sim.institution.account import Account
from greenloop.sim.institution.fates import Rates
from greenloop.sim.institution.platform import door
from greenloop.sim.institution.server import Terms, opened
from greenloop.sim.institution.trial import Hours

SECRET = "what the tests and their institution share"


@dataclass(slots=True)
class Set:
    """An institution that is set up: the way to it, its own books, and the clock that both follow."""

    gateway: Sandbox
    account: Account
    hours: Hours
    address: str

    def until(self, at: datetime) -> None:
        self.hours.at = at
        self.gateway.set_clock(at)


@contextmanager
def institution(rates: Rates = Rates(), seed: int = 1) -> Iterator[Set]:  # noqa: B008  frozen
    hours, account = Hours(), Account(":memory:", rates=rates, seed=seed)
    with door(Sandbox(url="http://127.0.0.1:1", secret=SECRET), hours.now) as notices_to:
        server, sender = opened(account, Terms(SECRET, notices_to, is_held=True))
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        address = f"127.0.0.1:{server.server_port}"
        gateway = Sandbox(url=f"http://{address}", secret=SECRET, now=hours.now)
        try:
            yield Set(gateway, account, hours, address)
        finally:
            gateway.close()
            sender.connections.close()
            server.shutdown()
            server.server_close()
            account.close()


def kept(at: datetime) -> None:
    """Let the trust book hold all that was written."""
    keep_all(holder="test", now=lambda: at)
