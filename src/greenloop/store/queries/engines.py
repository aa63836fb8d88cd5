"""How the database itself is set up, as far as it decides whether what was acknowledged survives a power cut."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import connection

from greenloop.store import sql

MOUNTS = Path("/proc/mounts")
NETWORK = ("nfs", "cifs", "smb", "9p", "fuse.", "ceph", "gluster", "afs", "lustre", "virtiofs")


@dataclass(frozen=True, slots=True)
class PostgresqlFacts:
    """A server as it says of itself; `encrypted` is None on a connection that leaves no machine."""

    version: int
    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    data_checksums: bool
    superuser: bool
    encrypted: bool | None
    now: datetime


@dataclass(frozen=True, slots=True)
class SqliteFacts:
    """A file as it is opened here: `synchronous` is 2 for FULL; `filesystem` is None where it can't be told."""

    path: Path
    synchronous: int
    journal_mode: str
    mode: int
    filesystem: str | None

    @property
    def over_the_network(self) -> bool:
        """Tell whether the file lies on another machine, where its locks and syncs can't be relied on."""
        return (self.filesystem or "").startswith(NETWORK)


def postgresql() -> PostgresqlFacts:
    """Return how the server is set up, and what this role may."""
    told: dict[str, str] = dict(
        sql.rows("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(_SETTINGS)])
    )
    superuser, encrypted, address, now = sql.rows(_ROLE)[0]
    remote = address is not None and not ipaddress.ip_interface(str(address)).is_loopback
    return PostgresqlFacts(
        version=int(told["server_version_num"]),
        fsync=told["fsync"] == "on",
        full_page_writes=told["full_page_writes"] == "on",
        synchronous_commit=told["synchronous_commit"],
        data_checksums=told["data_checksums"] == "on",
        superuser=bool(superuser),
        encrypted=bool(encrypted) if remote else None,
        now=sql.moment(now),
    )


_SETTINGS = ("server_version_num", "fsync", "full_page_writes", "synchronous_commit", "data_checksums")
_ROLE = """
    SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
           (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), host(inet_server_addr()), clock_timestamp()
"""


def sqlite() -> SqliteFacts:
    """Return how the file is opened and where it lies."""
    path = Path(connection.settings_dict["NAME"]).absolute()
    return SqliteFacts(
        path=path,
        synchronous=int(sql.value("PRAGMA synchronous")),
        journal_mode=str(sql.value("PRAGMA journal_mode")),
        mode=path.stat().st_mode & 0o777,
        filesystem=_filesystem(path.resolve()),
    )


def _filesystem(path: Path) -> str | None:
    """Return the kind of file system that a file lies on: that of the deepest mount above it."""
    try:
        mounts = [line.split(" ")[1:3] for line in MOUNTS.read_text("utf-8", "replace").splitlines()]
    except OSError:
        return None
    above = [(len(Path(at).parts), kind) for at, kind in mounts if path.is_relative_to(at.replace("\\040", " "))]
    return max(above, key=lambda each: each[0])[1] if above else None
