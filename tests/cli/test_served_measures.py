"""The server as machines see it: alive, ready, measured, also where several processes serve; and what it logs."""

import json
import re
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import Database
from tests.support.serving import Served, served

ASKED = 30
PATIENCE_S = 20


def get(site: Served, path: str, **headers: str) -> Any:
    """Ask on a connection of its own, so that any of the processes may answer."""
    request = urllib.request.Request(f"{site.base}{path}", headers={"Connection": "close", **headers})  # noqa: S310
    return urllib.request.urlopen(request, timeout=20)  # noqa: S310


def counted(site: Served, route: str) -> int:
    text = get(site, "/metrics").read().decode()
    found = re.findall(rf'^greenloop_requests_total{{.*route="{route}".*}} (\S+)$', text, re.MULTILINE)
    return int(sum(map(float, found)))


def requests(site: Served) -> list[dict[str, Any]]:
    """Return the log's lines about requests."""
    lines = [json.loads(line) for line in site.log.read_text("utf-8").splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "request"]


@pytest.mark.parametrize("workers", [1, 2])
def test_every_process_counts_and_any_of_them_tells_the_sum(workers: int, database: Database, tmp_path: Path) -> None:
    if database.engine == "sqlite" and workers > 1:
        pytest.skip("SQLite has one writing process")
    named = {"GREENLOOP_LOG_FORMAT": "json", "GREENLOOP_SECRET_KEY": "s" * 64, "GREENLOOP_IDENTITY_KEY": "i" * 64}
    with served(database.url, tmp_path, [], "--workers", str(workers), **named) as site:
        for _ in range(ASKED):
            assert json.load(get(site, "/healthz")) == {"alive": True}
        assert [counted(site, "/healthz") for _ in range(6)] == [ASKED] * 6
        answer = get(site, "/bound/", **{"X-Request-Id": "walk-1"})
        assert answer.headers["X-Request-Id"] == "walk-1"
        answer.read()
        ready = json.load(get(site, "/readyz"))
        # A page's line is written once the server is done with it, which may be after its reader has it.
        deadline = time.monotonic() + PATIENCE_S
        while not (lines := requests(site)) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert ready == {"ready": True, "reasons": [], "notices": []}
    (line,) = lines
    assert (line["route"], line["status"], line["request_id"]) == ("/bound/", 200, "walk-1")
    if workers > 1:
        kept = {path.stem.rpartition("_")[2] for path in (tmp_path / "metrics").glob("counter_*.db")}
        assert len(kept) >= workers
