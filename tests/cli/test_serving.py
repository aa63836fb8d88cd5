"""Serving the pages as a process: it answers, and it ends when it is told to."""

import http.client
import os
import signal
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from greenloop.cli.listening import sole
from greenloop.core.faults import Refusal
from tests.support.databases import Database
from tests.support.serving import GREENLOOP, PATIENCE_S, environment, served


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


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells where a process may run")
@pytest.mark.parametrize("workers", [1, 2])
def test_one_process_alone_keeps_to_one_processor(workers: int, database: Database, tmp_path: Path) -> None:
    if database.engine == "sqlite" and workers > 1:
        pytest.skip("SQLite has one writing process")
    with served(database.url, tmp_path, [], "--workers", str(workers)) as site:
        urlopen(f"{site.base}/healthz").close()  # noqa: S310  our own server
        spread = {len(os.sched_getaffinity(thread)) for thread in threads(site.server.pid)}
    assert spread == {1 if workers == 1 else len(os.sched_getaffinity(0))}


def test_where_it_may_not_choose_a_processor_it_begins_all_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenloop.config import process

    def refuse(*_: object) -> None:
        raise PermissionError(1, "not permitted")

    assert database.url
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    process._keep_to_one_processor()


def threads(server: int) -> list[int]:
    """Return the threads of the processes that a server has started and that answer for it."""
    started = [path.parent / "task" for path in Path("/proc").glob("[0-9]*/stat") if parent(path) == server]
    return [
        int(thread.name) for task in started for found in [list(task.iterdir())] if len(found) > 2 for thread in found
    ]


def parent(stat: Path) -> int:
    try:
        return int(stat.read_text("utf-8").rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104  refused, which is the point
def test_codes_are_not_shown_on_a_console_while_others_can_reach_the_pages(
    database: Database, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from greenloop.config.console import run

    assert database.url
    assert run(["serve", "--host", host, "--json"]) == 1
    assert '"serve.texts"' in capsys.readouterr().out


def test_a_second_server_on_a_port_is_refused_with_the_way_out(database: Database, tmp_path: Path) -> None:
    with served(database.url, tmp_path, []) as site:
        port = site.base.rpartition(":")[2]
        other = tmp_path / "other.sqlite3"
        for language, words in (("en", f"Port {port} of 127.0.0.1 is taken"), ("zh", port)):
            env = environment(f"sqlite:///{other}", tmp_path) | {"GREENLOOP_LANG": language}
            subprocess.run([str(GREENLOOP), "migrate"], env=env, check=True, capture_output=True)
            command = [str(GREENLOOP), "serve", "--port", port]
            second = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
            assert second.returncode == 1
            assert words in second.stderr + second.stdout
            assert "--port" in second.stderr + second.stdout
        assert "Python threads" not in site.log.read_text("utf-8")
        assert titles(site.server.pid) >= {"greenloop serve", "greenloop serve worker-1"}


def titles(server: int) -> set[str]:
    """Return what `ps` calls a server and the processes that it has started."""
    own = [path.parent for path in Path("/proc").glob("[0-9]*/stat") if parent(path) == server]
    return {(each / "cmdline").read_text("utf-8").strip("\0 ") for each in (Path(f"/proc/{server}"), *own)}


def test_two_servers_that_begin_at_once_are_kept_apart(database: Database) -> None:
    assert database.url
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with sole("127.0.0.1", port), pytest.raises(Refusal) as refused, sole("127.0.0.1", port):
        pass
    assert refused.value.code == "serve.port"
    with sole("127.0.0.1", port):  # free again
        pass
    for host in ("192.0.2.1", "no such host"):
        with pytest.raises(Refusal) as refused, sole(host, port):
            pass
        assert refused.value.code == "serve.address"
