"""Serving the pages as a process: it answers, and it ends when it is told to."""

import http.client
import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.databases import Database
from tests.support.serving import PATIENCE_S, served


def test_the_server_ends_at_ctrl_c_though_a_browser_keeps_its_connection_open(
    database: Database, tmp_path: Path
) -> None:
    with served(database.url, tmp_path, []) as site:
        kept = http.client.HTTPConnection(urlsplit(site.base).netloc)
        kept.request("GET", "/")
        assert kept.getresponse().read().startswith(b"<!doctype html>")
        # A terminal tells all of them, and make tells its own child once more.
        os.killpg(site.server.pid, signal.SIGINT)
        site.server.send_signal(signal.SIGINT)
        assert site.server.wait(PATIENCE_S) == 0
        kept.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104  refused, which is the point
def test_codes_are_not_shown_on_a_console_while_others_can_reach_the_pages(
    database: Database, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from greenloop.config.console import run

    assert database.url
    assert run(["serve", "--host", host, "--json"]) == 1
    assert '"serve.texts"' in capsys.readouterr().out
