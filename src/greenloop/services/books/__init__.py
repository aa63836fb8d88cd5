"""Verbs about money between parties, and `post`, the only writer of ledger rows."""
