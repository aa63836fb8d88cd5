"""Verbs that two callers may begin at once: the later one starts over and finds what the first has done."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError

P = ParamSpec("P")
R = TypeVar("R")


def begun_again(verb: Callable[P, R]) -> Callable[P, R]:
    """Run a verb once more when a unique key says that another caller was first."""

    @wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return verb(*args, **kwargs)
        except IntegrityError:
            return verb(*args, **kwargs)

    return run
