"""A server of the tests' own with a business's database, a trust book as the product makes it, and passwords."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import psycopg

from greenloop.core.books.fingerprint import Entry
from greenloop.core.books.posting import Posting
from greenloop.store.trustbook import book, founding
from greenloop.store.trustbook.session import opened
from tests.faults.cluster import Cluster, give

BUSINESS, OWNER, KEEPER, READER = "shop", "trust_owner", "trust_keeper", "trust_reader"
AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
SALE = Entry(
    "order-batch/1",
    "take",
    AT,
    AT,
    (
        Posting("trust:in_transit", "trust:merchant_payable", 90_000),
        Posting("trust:in_transit", "trust:concession_pending", 10_000),
    ),
)
CASH = Entry("statement/1", "confirm", AT, AT, (Posting("trust:bank", "trust:in_transit", 100_000),))
EVERY_ADDRESS = "local all greenloop trust\nlocal all all scram-sha-256\n"
PASSWORD = "the business s own"


@dataclass(frozen=True, slots=True)
class Vault:
    """The server, and what each role signs in by."""

    cluster: Cluster
    passwords: dict[str, str]

    def url(self, role: str, name: str = "trust", *, password: str | None = None) -> str:
        """Return an address that a role would use, with its own password or another."""
        word = quote(self.passwords.get(role, "") if password is None else password, safe="")
        return f"postgresql://{role}:{word}@{quote(str(self.cluster.socket), safe='')}/{name}"

    def admin(self, name: str = "trust") -> psycopg.Connection:
        """Connect as the server's own superuser: the tests' hand, not an attacker's."""
        return psycopg.connect(self.cluster.url_of(name), autocommit=True)

    def rows(self) -> dict[str, list[str]]:
        """Return every row of the trust book, to see that nothing has changed."""
        with self.admin() as admin:
            names = [row[0] for row in admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
            return {name: sorted(map(str, admin.execute(f'SELECT * FROM "{name}"'))) for name in sorted(names)}


@contextmanager
def vault(folder: Path, data: Path) -> Iterator[Vault]:
    """Start the server, make the business's database and the trust book, and hand over two journals."""
    cluster = Cluster(data, folder)
    cluster.initialise()
    hba = data / "pg_hba.conf"
    hba.write_text(EVERY_ADDRESS)
    give(hba)
    try:
        cluster.start()
        made = Vault(cluster, {BUSINESS: PASSWORD, OWNER: "the owner s own"})
        _furnish(made)
        yield made
    finally:
        cluster.stop()


def _furnish(made: Vault) -> None:
    with made.admin("postgres") as admin:
        for role, more in ((BUSINESS, ""), (OWNER, "CREATEROLE")):
            admin.execute(f"CREATE ROLE {role} LOGIN {more} PASSWORD '{made.passwords[role]}'")
        admin.execute(f"CREATE DATABASE business OWNER {BUSINESS} TEMPLATE template0")
        admin.execute(f"CREATE DATABASE trust OWNER {OWNER} TEMPLATE template0")
    with made.admin("business") as admin:
        admin.execute("CREATE EXTENSION dblink")
    made.passwords.update(founding.create(made.url(OWNER), keeper=KEEPER, reader=READER).passwords)
    with opened(made.url(KEEPER)) as session, session.transaction():
        book.add(session, [(each, each.sha256()) for each in (SALE, CASH)], first=1)
