"""Tests of faults carry a mark of their own: `-m "not faults"` leaves them out."""

from pathlib import Path

import pytest

from tests.faults.profile import PROFILE, SEED


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "faults: something is killed, filled, cut or dropped; takes seconds")


def pytest_report_header() -> str:
    return f"faults: {PROFILE.name} profile, GREENLOOP_FAULTS_SEED={SEED}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)
