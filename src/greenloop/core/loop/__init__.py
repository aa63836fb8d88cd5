"""The money's itinerary: concession → plan → settlement → wallet → refund, and the rules that steer it.

`recompute` runs a journal of events through the same functions without a database. What is stored, and under
which transaction, is no concern of this room.
"""
