"""Make every attempt with each credential and tell what was answered; `python -m tests.separation` prints the table."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.faults.cluster import give
from tests.separation.attempts import BY_ANYBODY, BY_BUSINESS, Attempt
from tests.separation.vault import BUSINESS, KEEPER, OWNER, READER, Vault, vault

DONE = "DONE"
COLUMNS = ("attempt", "with the business's credentials", "the same, let in by mistake", "with the keeper's credentials")


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered to one attempt, by each credential; empty where it isn't tried with it."""

    name: str
    business: str
    let_in: str
    keeper: str

    def all(self) -> list[str]:
        """Return every answer there is."""
        return [each for each in (self.business, self.let_in, self.keeper) if each]


def answer(url: str, attempt: Attempt) -> str:
    """Make one attempt and return the refusal; DONE where there is none."""
    try:
        with closing(psycopg.connect(url)) as connection:
            attempt.make(connection)
            connection.commit()
    except psycopg.Error as refusal:
        return short(refusal)
    return DONE


def short(refusal: psycopg.Error) -> str:
    """Return what the server said, without where it said it."""
    inner = refusal.diag.message_detail or ""
    said = inner if "FATAL:" in inner else refusal.diag.message_primary or str(refusal).strip()
    return " ".join(said.splitlines()[0].rpartition("FATAL:")[2].split())


@contextmanager
def _let_in(made: Vault) -> Iterator[None]:
    with made.admin() as admin:
        admin.execute(f"GRANT CONNECT ON DATABASE trust TO {BUSINESS}")
        admin.execute(f"GRANT USAGE ON SCHEMA public TO {BUSINESS}")
    try:
        yield
    finally:
        with made.admin() as admin:
            admin.execute(f"REVOKE USAGE ON SCHEMA public FROM {BUSINESS}")
            admin.execute(f"REVOKE CONNECT ON DATABASE trust FROM {BUSINESS}")


def every(made: Vault) -> list[Answered]:
    """Make all attempts."""
    outside = {each.name: answer(made.url(BUSINESS), each) for each in (*BY_BUSINESS, *BY_ANYBODY)}
    with _let_in(made):
        inside = {each.name: answer(made.url(BUSINESS), each) for each in (*BY_BUSINESS[1:], *BY_ANYBODY)}
    kept = {each.name: answer(made.url(KEEPER), each) for each in BY_ANYBODY}
    found = [Answered(name, told, inside.get(name, ""), kept.get(name, "")) for name, told in outside.items()]
    return [*found, *_by_other_ways(made)]


def _by_other_ways(made: Vault) -> Iterator[Answered]:
    """Try doors beside the front one."""
    nothing = Attempt("", lambda _: None)
    for name, url in (
        ("sign in as the keeper with the business's password", made.url(KEEPER, password=made.passwords[BUSINESS])),
        ("sign in as the owner with the business's password", made.url(OWNER, password=made.passwords[BUSINESS])),
        ("sign in as the keeper with a guessed password", made.url(KEEPER, password="a guess")),
    ):
        yield Answered(name, answer(url, nothing), "", "")
    target = f"host={made.cluster.socket} dbname=trust user={BUSINESS} password='{made.passwords[BUSINESS]}'"

    def through(connection: psycopg.Connection) -> None:
        connection.execute("SELECT * FROM dblink(%s, 'SELECT 1') AS t(n int)", [target])

    told = answer(made.url(BUSINESS, "business"), Attempt("", through))
    yield Answered("go through the business's database (dblink)", told, "", "")


def table(found: list[Answered]) -> str:
    """Return the answers as a Markdown table."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    lines += [f"| {each.name} | {each.business} | {each.let_in or '–'} | {each.keeper or '–'} |" for each in found]
    return "\n".join(lines)


def reading(made: Vault) -> list[str]:
    """Make the attempts with a reader's credentials."""
    return [answer(made.url(READER), each) for each in BY_ANYBODY]


@contextmanager
def somewhere() -> Iterator[Vault]:
    """Start a server in a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="greenloop-") as home:
        folder = Path(home)
        folder.chmod(0o755)
        data = folder / "data"
        data.mkdir(mode=0o700)
        socket = folder / "socket"
        socket.mkdir()
        for path in (data, socket):
            give(path)
        with vault(socket, data) as made:
            yield made
