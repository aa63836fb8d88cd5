"""How far the archive has come: whether what was booked a while ago has left this machine's disk yet."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

PATIENCE = timedelta(minutes=10)


def archived_at() -> datetime | None:
    """Return when something last came into the archive that GREENLOOP_ARCHIVE names; None if nothing is named or there.

    A folder's own time moves with each file that comes into it; the piece of PostgreSQL's log under way has one too.
    """
    if not settings.GREENLOOP_ARCHIVE:
        return None
    folder = Path(settings.GREENLOOP_ARCHIVE)
    try:
        places = [*(each for each in folder.iterdir() if each.is_dir()), *folder.glob("wal/*.partial")]
        newest_s = max((each.stat().st_mtime for each in places), default=None)
    except OSError:
        return None
    return None if newest_s is None else datetime.fromtimestamp(newest_s, UTC)


def behind(*, newest_journal_at: datetime | None, now: datetime) -> bool:
    """Tell whether a journal is older than ten minutes and nothing has been archived since, where an archive is named.

    A service at rest archives nothing, and is not behind for it.
    """
    if not settings.GREENLOOP_ARCHIVE or newest_journal_at is None or now - newest_journal_at < PATIENCE:
        return False
    archived = archived_at()
    return archived is None or archived < newest_journal_at
