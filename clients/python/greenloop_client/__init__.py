"""Greenloop's API for programs in Python; nothing but the standard library is needed."""

from greenloop_client.calls import Connection, ProblemError
from greenloop_client.carrying import Answer, Carrier, Request
from greenloop_client.drafts import Drafting, draft
from greenloop_client.operations import Client

__all__ = ["Answer", "Carrier", "Client", "Connection", "Drafting", "ProblemError", "Request", "draft"]
