"""Greenloop's API for programs in Python; nothing but the standard library is needed."""

from greenloop_client.calls import Connection, ProblemError

__all__ = ["Connection", "ProblemError"]
