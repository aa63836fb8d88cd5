"""Where attempts are counted: Django's cache in the database, which drops an entry only once its time is over."""

from datetime import datetime
from typing import Any

from django.core.cache.backends.db import DatabaseCache
from django.db import connections


class CounterCache(DatabaseCache):
    """A cache that forgets nothing too early.

    Django's own drops a third of all entries, whichever, when there are too many: whoever asks for some hundred codes
    would clear the counters that keep them from guessing, and the marks of second factors that were used.
    """

    def _cull(self, db: str, cursor: Any, now: datetime, num: int) -> None:
        del num
        connection = connections[db]
        table, expires = connection.ops.quote_name(self._table), connection.ops.quote_name("expires")  # type: ignore[attr-defined]
        cursor.execute(f"DELETE FROM {table} WHERE {expires} < %s", [connection.ops.adapt_datetimefield_value(now)])  # noqa: S608  our own names
