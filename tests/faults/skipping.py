"""A fault that can't be inflicted on this machine is left out loudly: the run's last lines say so."""

from typing import NoReturn

import pytest

NOT_TRIED = "this fault was not tried"


def left_out(reason: str) -> NoReturn:
    """Skip the test, for what this machine lacks."""
    pytest.skip(f"{NOT_TRIED}: {reason}")
