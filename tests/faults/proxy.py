"""A proxy on loopback between the product and PostgreSQL, which drops connections: anywhere, or right after COMMIT.

It looks into what the client sends. When that is a COMMIT, it may let it through, wait until the server has committed,
and cut the connection in place of the answer: the caller can't know, and the effect is there.
"""

import random
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread

STARTUP = 196_608
CHUNK = 65_536


@dataclass(slots=True)
class Reader:
    """Takes a client's bytes apart into messages; the first one has no type."""

    buffer: bytes = b""
    begun: bool = False

    def commits(self, chunk: bytes) -> bool:
        """Tell whether a COMMIT ends in this chunk."""
        self.buffer += chunk
        found = False
        head = 0 if not self.begun else 1
        while len(self.buffer) >= head + 4:
            end = head + int.from_bytes(self.buffer[head : head + 4], "big")
            if len(self.buffer) < end:
                break
            kind, body, self.buffer = self.buffer[:head], self.buffer[head + 4 : end], self.buffer[end:]
            found |= kind in (b"Q", b"P") and body.strip(b"\0").split(b"\0")[0].upper() == b"COMMIT"
            self.begun |= int.from_bytes(body[:4], "big") == STARTUP
            head = 1 if self.begun else 0
        return found


@dataclass(slots=True)
class Link:
    """One connection through the proxy. Once `silent`, the server's next bytes are swallowed and the line is cut."""

    client: socket.socket
    server: socket.socket
    silent: bool = False

    def cut(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@dataclass(slots=True)
class Proxy:
    """Drops a share of the commits' answers, and connections at a share of the moments when something is sent.

    `counts` tells how many connections were dropped, and after how many of the server's commits.
    """

    target: Path
    dice: random.Random
    after_commit: float = 0.0
    anywhere: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    links: list[Link] = field(default_factory=list)
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    lock: Lock = field(default_factory=Lock)

    def url(self, name: str) -> str:
        """Return where the database of that name is reached through the proxy."""
        port = self.listener.getsockname()[1]
        return f"postgresql://greenloop@127.0.0.1:{port}/{name}?sslmode=disable&gssencmode=disable"

    def listen(self) -> None:
        """Accept connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self.target))
                link = Link(client, server)
                self.links.append(link)
                for pump in (self.upward, self.downward):
                    Thread(target=pump, args=(link,), daemon=True).start()

    def upward(self, link: Link) -> None:
        """Carry what the client says."""
        reader = Reader()
        with suppress(OSError):
            while chunk := link.client.recv(CHUNK):
                if reader.commits(chunk):
                    link.silent = self.falls(self.after_commit)
                elif self.falls(self.anywhere):
                    self.counts["drops"] += 1
                    break
                link.server.sendall(chunk)
        link.cut()

    def downward(self, link: Link) -> None:
        """Carry what the server says, or cut in place of it."""
        with suppress(OSError):
            while chunk := link.server.recv(CHUNK):
                if link.silent:
                    self.counts["drops"] += 1
                    self.counts["drops_after_commit"] += b"COMMIT\0" in chunk
                    break
                link.client.sendall(chunk)
        link.cut()

    def falls(self, share: float) -> bool:
        with self.lock:
            return self.dice.random() < share

    def spare(self) -> None:
        """Drop nothing from now on."""
        self.after_commit = self.anywhere = 0.0

    def close(self) -> None:
        """End the listener and every connection."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for link in self.links:
            link.cut()
            link.client.close()
            link.server.close()


@contextmanager
def proxy_to(socket_folder: Path, dice: random.Random) -> Iterator[Proxy]:
    """Give a proxy to the server whose socket lies in that folder; it drops nothing until it is told to."""
    proxy = Proxy(socket_folder / ".s.PGSQL.5432", dice)
    accepting = Thread(target=proxy.listen, daemon=True)
    accepting.start()
    try:
        yield proxy
    finally:
        proxy.close()
        accepting.join(10)
