"""Verbs about members, merchants and their stores and rate cards."""
