"""What the service counts of itself: what the business did, and neither more nor less of it."""

import os
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from prometheus_client import REGISTRY

from greenloop.core.faults import Breach
from greenloop.services import measures, sharing, trail
from greenloop.services import verb as verbs
from greenloop.services.verb import verb
from tests.support.databases import Database
from tests.support.threads import at_once
from tests.support.town import found_town


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


def test_orders_are_counted_by_what_became_of_them(database: Database) -> None:
    del database
    town = found_town()
    names = ("taken", "replayed", "refused")
    before = {name: value("greenloop_orders_total", result=name) for name in names}
    batches = value("greenloop_verb_seconds_count", verb="take")
    known = town.sale("mei", "grocer", 10_000)
    town.take(known)
    taking = town.take(known, town.sale("mei", "grocer", 5_000), town.sale("mei", "grocer", 0))
    (refusal,) = taking.refusals.values()
    grown = {name: value("greenloop_orders_total", result=name) - before[name] for name in names}
    assert grown == {"taken": 2, "replayed": 1, "refused": 1}
    assert value("greenloop_order_refusals_total", code=refusal.code) >= 1
    assert value("greenloop_verb_seconds_count", verb="take") > batches + 1


def test_a_broken_invariant_is_counted_where_the_alarm_reads_it(database: Database) -> None:
    del database

    @verb
    def broken() -> None:
        raise Breach("a fen is missing")

    before = value("greenloop_breaches_total")
    with pytest.raises(Breach):
        broken()
    assert value("greenloop_breaches_total") == before + 1


def test_on_a_file_the_wait_for_the_writer_is_measured_apart_from_the_verb_that_waits(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.engine != "sqlite":
        return
    now, writing, asked = [0.0], Event(), Event()

    @verb
    def long() -> None:
        writing.set()
        assert asked.wait(60)
        now[0] += 10

    @verb
    def short() -> None:
        """Do nothing."""

    def time() -> float:
        if writing.is_set():
            asked.set()
        return now[0]

    def after() -> None:
        assert writing.wait(60)
        short()

    monkeypatch.setattr(verbs, "perf_counter", time)
    monkeypatch.setattr(measures, "perf_counter", time)
    waited_s = value("greenloop_writer_seconds_sum")
    at_once([long, after])
    assert value("greenloop_writer_seconds_sum") == waited_s + 10
    took_s = {name: value("greenloop_verb_seconds_sum", verb=f"test_measures.{name}") for name in ("long", "short")}
    assert took_s == {"long": 10, "short": 0}


def test_a_refusal_is_counted_by_its_code_and_noted_on_its_request() -> None:
    before = value("greenloop_refusals_total", code="order.zero")
    trail.begin("asked-by-the-till")
    measures.refused("order.zero")
    found = trail.under_way()
    trail.end()
    assert found is not None
    assert (found.request_id, found.refusal) == ("asked-by-the-till", "order.zero")
    assert value("greenloop_refusals_total", code="order.zero") == before + 1
    measures.refused("order.zero")
    assert trail.under_way() is None


@pytest.mark.parametrize("asked", ["", "a b", "x" * 65, "line\nbreak", "张", "a/b", '"'])
def test_a_request_id_that_could_spoil_a_log_is_replaced(asked: str) -> None:
    drawn = trail.begin(asked).request_id
    trail.end()
    assert drawn != asked
    assert trail.SANE.fullmatch(drawn)


def test_a_batch_is_measured_with_what_waits_behind_it() -> None:
    labels: dict[str, Any] = {"queue": "orders-of-a-test"}
    with measures.batch("orders-of-a-test", items=7, waiting=3):
        pass
    assert value("greenloop_batch_items_sum", **labels) == 7
    assert value("greenloop_queue_waiting", **labels) == 3
    assert value("greenloop_batch_seconds_count", **labels) == 1


def test_only_what_ended_processes_left_is_removed_before_new_ones_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    monkeypatch.setenv(sharing.FOLDER, str(tmp_path))
    for name in (f"counter_{ended.pid}", f"counter_{os.getpid()}", "histogram_1", "strange"):
        (tmp_path / f"{name}.db").touch()
    sharing.share_measures(tmp_path / "elsewhere")
    assert {path.stem for path in tmp_path.iterdir()} == {f"counter_{os.getpid()}", "histogram_1"}


@pytest.mark.parametrize("given", ["", "run"])
def test_processes_count_in_memory_where_systemd_gives_a_folder_and_at_home_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv(sharing.FOLDER, "")
    monkeypatch.delenv(sharing.FOLDER)
    monkeypatch.delitem(sys.modules, "prometheus_client")
    monkeypatch.setenv(sharing.RUNTIME, str(tmp_path / given) if given else "")
    sharing.share_measures(tmp_path / "home")
    counted = tmp_path / (given or "home/metrics")
    assert os.environ[sharing.FOLDER] == str(counted)
    assert counted.is_dir()


def test_processes_that_count_for_themselves_already_are_not_asked_to_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(sharing.FOLDER, raising=False)
    with pytest.raises(Breach):
        sharing.share_measures(tmp_path)
