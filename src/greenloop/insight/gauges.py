"""What Prometheus is told of the business as it stands, read when it asks: coverage, cycles to settle, what waits."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import DatabaseError
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from greenloop.core.money import PPM, SCALE, coverage_ppm
from greenloop.insight.archived import archived_at
from greenloop.insight.guardrails.live import brought_back, most_points_ppm
from greenloop.insight.readiness import disk_free_bytes
from greenloop.store.queries import clockwork, keeping, overview, vitals


class Gauges(Collector):
    """Reads everything anew for each scrape; a database that can't be asked is a gauge too."""

    def describe(self) -> Iterable[Metric]:
        """Say nothing ahead: whoever registers this must not ask the database for it."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Return the gauges of this moment."""
        yield _gauge("greenloop_disk_free_bytes", "Free where the service writes, the least of it.", disk_free_bytes())
        if (at := archived_at()) is not None:
            yield _gauge(
                "greenloop_archived_seconds", "When something last came into the archive.", int(at.timestamp())
            )
        try:
            found = [*_pools(datetime.now(UTC)), *_waiting(datetime.now(UTC))]
        except DatabaseError:
            yield _gauge("greenloop_database_up", "Whether the database answers.", 0)
            return
        yield _gauge("greenloop_database_up", "Whether the database answers.", 1)
        yield from found


def _gauge(name: str, about: str, value: int) -> Metric:
    return GaugeMetricFamily(name, about, value)


def _pools(now: datetime) -> list[Metric]:
    calendar = overview.newest().calendar
    closed = calendar.cycle_at(now) - 1 if calendar else 0
    coverage = GaugeMetricFamily("greenloop_pool_coverage", "(free + owed) / owed, while owed.", labels=["pool"])
    free = GaugeMetricFamily("greenloop_pool_free_fen", "Free money of the pool.", labels=["pool"])
    owed = GaugeMetricFamily("greenloop_pool_owed_fen", "Accrued and unspent vouchers.", labels=["pool"])
    open_ = GaugeMetricFamily("greenloop_pool_unsettled_cycles", "Cycles cut off and not settled.", labels=["pool"])
    back = GaugeMetricFamily("greenloop_pool_brought_back", "Vouchers per yuan conceded so far.", labels=["pool"])
    for name, scaled in brought_back(most_points_ppm(now)).items():
        back.add_metric([name], scaled / SCALE)
    for pool in vitals.pools():
        if (ppm := coverage_ppm(pool.free_fen, pool.owed_fen)) is not None:
            coverage.add_metric([pool.name], ppm / PPM)
        free.add_metric([pool.name], pool.free_fen)
        owed.add_metric([pool.name], pool.owed_fen)
        open_.add_metric([pool.name], max(0, closed - pool.settled_cycle))
    return [coverage, free, owed, open_, back]


def _waiting(now: datetime) -> list[Metric]:
    found, beat, lag = vitals.waiting(), clockwork.beat(), keeping.lag()
    seen = "When a process was last at the clock; it says so each minute."
    return [
        *([_gauge("greenloop_worker_seen_seconds", seen, int(beat.at.timestamp()))] if beat else []),
        _gauge("greenloop_deliveries_waiting", "Webhook deliveries on their way.", found.deliveries),
        _gauge("greenloop_deliveries_given_up", "Webhook deliveries given up after the last retry.", found.given_up),
        _gauge("greenloop_trust_pending", "Journals that the trust book has yet to hold.", lag.pending),
        _gauge("greenloop_trust_lag_seconds", "For how long the oldest of them has waited.", lag.seconds(now)),
        _gauge("greenloop_trust_number", "Newest number that the trust book gave.", lag.number),
        _gauge(
            "greenloop_root_missing",
            "Whether the last settlement's root should have been published ten minutes ago.",
            int(clockwork.rootless(now) is not None),
        ),
        _gauge("greenloop_roots_lost", "Settlements since the first root that never get theirs.", found.rootless),
        _gauge("greenloop_settlements_held", "Settlements that wait for a second person.", found.held),
        _gauge(
            "greenloop_runs_late", "Runs of the clockwork due for ten minutes and not done.", len(clockwork.late(now))
        ),
    ]
