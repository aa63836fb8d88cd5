"""Greenloop's API for programs in Python; nothing but the standard library is needed."""

from greenloop_client.calls import Connection, ProblemError
from greenloop_client.operations import Client

__all__ = ["Client", "Connection", "ProblemError"]
