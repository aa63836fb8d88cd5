"""Exports go on where the header leads, addresses are spelled as the server signs them, and sessions are sent along."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from greenloop_client import Client, ProblemError
from greenloop_client.addresses import address, with_query

SEEN: list[tuple[str, dict[str, str]]] = []
PARTS = {"": (b'{"id": 1}\n{"id": 2}\n', "Mg"), "Mg": (b'{"id": 3}\n', "")}


class Exporting(BaseHTTPRequestHandler):
    """A server with an export of two parts; a file that isn't there is answered by a page for people."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        SEEN.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if ".ndjson" not in self.path:
            return self.answer(502, b"<h1>Nobody is there</h1>")
        content, after = PARTS[self.path.partition("after=")[2]]
        return self.answer(200, content, after)

    def answer(self, status: int, content: bytes, after: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if after:
            self.send_header("Next-After", after)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def auditor() -> Iterator[Client]:
    SEEN.clear()
    with HTTPServer(("127.0.0.1", 0), Exporting) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        client = Client(f"http://127.0.0.1:{server.server_port}", headers={"Cookie": "sessionid=1"})
        yield client
        client.close()
        server.shutdown()


def test_an_export_goes_on_where_the_answer_before_ended(auditor: Client) -> None:
    assert [row["id"] for row in auditor.export_table("orders", limit=2)] == [1, 2, 3]
    assert [path for path, _ in SEEN] == [
        "/v1/exports/orders.ndjson?limit=2",
        "/v1/exports/orders.ndjson?limit=2&after=Mg",
    ]


def test_a_session_is_sent_instead_of_a_key(auditor: Client) -> None:
    next(auditor.export_table("orders"))
    (_, headers), *_ = SEEN
    assert headers["cookie"] == "sessionid=1"
    assert "authorization" not in headers


def test_an_answer_that_is_no_problem_of_ours_is_still_said(auditor: Client) -> None:
    with pytest.raises(ProblemError) as said:
        auditor.download_statement_csv("baker")
    assert (said.value.status, said.value.code, said.value.detail) == (502, "", "<h1>Nobody is there</h1>")


@pytest.mark.parametrize(
    ("made", "spelled"),
    [
        (address("/v1/orders"), "/v1/orders"),
        (address("/v1/merchants/{ref}/rates", ["a/b 面"]), "/v1/merchants/a%2Fb%20%E9%9D%A2/rates"),
        (address("/v1/cycles/{cycle}", [7], {"at": None, "dry_run": True}), "/v1/cycles/7?dry_run=true"),
        (with_query("/v1/orders?limit=2", cursor="a=b"), "/v1/orders?limit=2&cursor=a%3Db"),
    ],
)
def test_an_address_is_spelled_out(made: str, spelled: str) -> None:
    assert made == spelled
