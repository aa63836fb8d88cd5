"""What the institution lists, statement by statement, and how tests look at what came of it."""

from collections.abc import Sequence

from greenloop.services.books.institution.collecting import Bill, collect
from greenloop.services.books.institution.gateway import Said
from greenloop.services.books.institution.notices import take_notices
from greenloop.services.books.reconciling.lines import INSTITUTION, Line, Listed
from greenloop.services.books.reconciling.statement import Taken, take_statement
from greenloop.store.queries import reconciling
from tests.support.ledger import fetch
from tests.support.town import Town


class Custody:
    """What the institution lists, statement by statement, and the payments that were asked for."""

    def __init__(self, town: Town) -> None:
        self.town, self.numbers, self.names = town, dict[str, str](), iter(range(1, 1_000))

    def ask(self, order_no: str, fen: int, merchant: str = "grocer") -> str:
        (number,) = collect(bills=[Bill(merchant, order_no, fen)], at=self.town.at)
        self.numbers[order_no] = number
        return number

    def sell(self, order_no: str, fen: int, merchant: str = "grocer") -> int:
        self.ask(order_no, fen, merchant)
        return self.town.sell("mei", merchant, fen, order_no=order_no, confirmed=False)

    def line(self, kind: str, order_no: str, fen: int, trade: str = "") -> Line:
        number = self.numbers.get(order_no, order_no)
        return Line(kind, number, trade or f"T-{kind}-{order_no}", fen, self.town.at)

    def state(self, *lines: Line, account: str = INSTITUTION, balance_fen: int | None = None, name: str = "") -> Taken:
        named = name or f"s{next(self.names)}"
        listed = Listed(account, lines, balance_fen)
        return take_statement(listed=listed, name=named, file_hash=f"{named:0>64}", by="lin", at=self.town.at)

    def done(self, key: str) -> None:
        """Let the institution say that an instruction is done."""
        ((number, fen),) = fetch("SELECT number, amount_fen FROM payment_instruction WHERE key LIKE %s", key)
        said = Said(f"n-{number}", number, f"T{number}", "success", fen, self.town.at, "0" * 64)
        take_notices(said=[said], at=self.town.at)

    def number(self, key: str) -> str:
        ((number,),) = fetch("SELECT number FROM payment_instruction WHERE key LIKE %s", key)
        return str(number)


def cases() -> Sequence[tuple[str, str, int, int, str]]:
    """Return all cases: what differs, of which kind, what was expected and found, and their state."""
    query = "SELECT difference, kind, expected_fen, found_fen, state FROM reconciliation_case ORDER BY id"
    return [(what, kind, int(expected), int(found), state) for what, kind, expected, found, state in fetch(query)]


def unexplained() -> int:
    return reconciling.tie().unexplained_fen
