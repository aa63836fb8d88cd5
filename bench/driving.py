"""Many callers in one process: connections that stay open, requests that were prepared, one in flight on each.

A request costs this process a send, a receive and a search for the end of the headers; so on a machine of two cores it
is the server that is measured. Nothing of an answer is looked at before the load has ended.
"""

import gc
import select
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

RECEIVE_BYTES = 1 << 18
SILENCE_S = 60
BUSY, RETRY_AFTER_S = 503, 1.0
_LENGTH = b"content-length: "


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it goes over the wire; `key` is the idempotency key it carries, `items` the orders in it."""

    wire: bytes
    key: str = ""
    items: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back to a request, and how many seconds after it was sent."""

    request: Request
    status: int
    body: bytes
    took_s: float


@dataclass(frozen=True, slots=True)
class Driven:
    """A load that has ended: every request that was sent has its answer here."""

    answers: list[Answer]
    took_s: float
    busy: int
    """How often the server said that it had too much to do and had done nothing."""

    @property
    def items_per_s(self) -> float:
        """Return how much was answered a second, counted in orders, reads or whatever a request has of them."""
        return sum(answer.request.items for answer in self.answers) / self.took_s

    def quantile_ms(self, permille: int) -> float:
        """Return the time in which that many of 1 000 requests were answered."""
        times = sorted(answer.took_s for answer in self.answers)
        return times[max(0, len(times) * permille // 1000 - 1)] * 1e3


@dataclass(slots=True)
class _Line:
    """One connection and the request that is in flight on it."""

    port: int
    socket: socket.socket
    request: Request | None = None
    begun: float = 0.0
    told: bytearray = field(default_factory=bytearray)

    def send(self, request: Request) -> None:
        self.request, self.begun = request, perf_counter()
        self.socket.sendall(request.wire)

    def hang_up(self) -> None:
        self.socket.close()

    def call_again(self) -> None:
        self.socket = _connected(self.port)

    def receive(self) -> Answer | None:
        """Take what has come; the answer once it is whole."""
        part = self.socket.recv(RECEIVE_BYTES)
        assert part, "the server closed a connection that has a request in flight"
        self.told += part
        head = self.told.find(b"\r\n\r\n")
        if head < 0:
            return None
        length = int(bytes(self.told[:head]).lower().partition(_LENGTH)[2].split(b"\r", 1)[0])
        if len(self.told) < head + 4 + length:
            return None
        assert self.request is not None
        status, body = int(self.told[9:12]), bytes(self.told[head + 4 :])
        answer = Answer(self.request, status, body, perf_counter() - self.begun)
        self.told.clear()
        self.request = None
        return answer


def drive(port: int, requests: Sequence[Request], *, connections: int, seconds: float) -> Driven:
    """Send requests over so many connections until the time is up or none is left; wait for every answer.

    A server that says that it is busy is asked again after a second, as it says, with the same request, over a new
    connection: it may have closed the old one without reading the body.
    """
    lines = [_Line(port, _connected(port)) for _ in range(connections)]
    gc.disable()
    try:
        return _Driver(lines, iter(requests), seconds).run()
    finally:
        gc.enable()
        for line in lines:
            line.socket.close()


def _connected(port: int) -> socket.socket:
    found = socket.create_connection(("127.0.0.1", port), timeout=SILENCE_S)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


class _Driver:
    """Lines that are in flight, and those that wait because the server was busy, each with the instant it waits for."""

    def __init__(self, lines: Sequence[_Line], ahead: Iterator[Request], seconds: float) -> None:
        self.lines = {line.socket.fileno(): line for line in lines}
        self.ahead, self.seconds = ahead, seconds
        self.later: deque[tuple[float, _Line, Request]] = deque()
        self.answers: list[Answer] = []
        self.busy = 0

    def run(self) -> Driven:
        with select.epoll() as poll:
            for number in self.lines:
                poll.register(number, select.EPOLLIN)
            begun = perf_counter()
            until = begun + self.seconds
            flying = sum(self._next(line) for line in self.lines.values())
            while flying or self.later:
                events = poll.poll(0.05 if self.later else SILENCE_S)
                assert events or self.later, "the server has been silent for a minute"
                for number, _ in events:
                    line = self.lines[number]
                    answer = line.receive()
                    if answer is not None:
                        flying -= not self._after(poll, line, answer, over=perf_counter() > until)
                while self.later and self.later[0][0] < perf_counter():
                    _, line, request = self.later.popleft()
                    line.call_again()
                    self.lines[line.socket.fileno()] = line
                    poll.register(line.socket.fileno(), select.EPOLLIN)
                    line.send(request)
                    flying += 1
            return Driven(self.answers, perf_counter() - begun, self.busy)

    def _after(self, poll: select.epoll, line: _Line, answer: Answer, *, over: bool) -> bool:
        """Go on after an answer; tell whether the line is in flight again."""
        if answer.status != BUSY:
            self.answers.append(answer)
            return not over and self._next(line)
        self.busy += 1
        poll.unregister(line.socket.fileno())
        del self.lines[line.socket.fileno()]
        line.hang_up()
        if not over:
            self.later.append((perf_counter() + RETRY_AFTER_S, line, answer.request))
        return False

    def _next(self, line: _Line) -> bool:
        request = next(self.ahead, None)
        if request is None:
            return False
        line.send(request)
        return True
