"""The books: what the trust account holds and owes, and every proof of the check."""

from django.utils.translation import gettext as _

from greenloop.core.books.accounts import TRUST_ASSETS, account_class
from greenloop.insight.blocks import Cell, Head, Section, Table, Text, heads, row
from greenloop.insight.figures import count, plain
from greenloop.insight.report.facts import Facts
from greenloop.store.queries import keeping

UNFOLDED_MAX = 80


def section(facts: Facts) -> Section:
    """Return the trust book at this moment, and what was proved about it."""
    broken = [proof for proof in facts.proofs if not proof.holds]
    if broken:
        said = Text((_("{count} statements don't hold. They stand first.").format(count=count(len(broken))),), "bad")
    else:
        said = Text((_("Every statement holds, to the fen."),), "good")
    return Section("books", _("The books, and the proof of them"), (_trust(facts), *_number(), said, _proofs(facts)))


def _number() -> tuple[Text, ...]:
    """Return the line that names the trust book's number; nothing where none was given yet."""
    lag = keeping.lag()
    if not lag.number:
        return ()
    sentence = _("The trust book's own database holds its journals up to number {number}; {pending} wait for it.")
    return (Text((sentence.format(number=count(lag.number), pending=count(lag.pending)),)),)


def _trust(facts: Facts) -> Table:
    names = _accounts()
    trust = {name: fen for name, fen in facts.balances.items() if name.startswith("trust:")}
    assets = {name: fen for name, fen in trust.items() if name in TRUST_ASSETS}
    rows = [row(names[name], plain(fen), "") for name, fen in assets.items()]
    for kind, label in names.items():
        owed = [fen for name, fen in trust.items() if account_class(name) == kind and name not in assets]
        if owed:
            rows.append(row(label, "", plain(sum(owed))))
    debts = sum(trust.values()) - sum(assets.values())
    return Table(
        _("The trust account: what it holds, and to whom it belongs"),
        heads(_("Account"), _("Holds, ¥"), _("Owes, ¥")),
        tuple(rows),
        row(_("Together"), plain(sum(assets.values())), plain(debts)),
    )


def _accounts() -> dict[str, str]:
    return {
        "trust:bank": _("Bank, confirmed by statements"),
        "trust:in_transit": _("Paid, not confirmed yet"),
        "trust:merchant_payable": _("Merchants' dues"),
        "trust:concession_pending": _("Concessions not vested yet"),
        "trust:pool": _("Pools: free money"),
        "trust:accrued": _("Vouchers released, not drawn"),
        "trust:voucher": _("Vouchers drawn, unspent"),
        "trust:coupon": _("Shopping coupons"),
        "trust:reserve": _("Reserve"),
        "trust:fee_payable": _("Platform fee, not transferred yet"),
        "trust:grant_unused": _("Grants not used"),
    }


def _proofs(facts: Facts) -> Table:
    rows = []
    for proof in sorted(facts.proofs, key=lambda proof: proof.holds):
        result = Cell(_("holds"), tone="good") if proof.holds else Cell(_("off"), tone="bad")
        detail = f" ({proof.detail})" if proof.detail and not proof.holds else ""
        found = (Cell(_(proof.what) + detail), result, Cell(count(proof.difference)), Cell(count(proof.looked_at)))
        rows.append((*found, Cell(proof.name), Cell(proof.law)))
    return Table(
        _("What was proved"),
        (
            *(Head(_("Statement"), figure=False, sentence=True), Head(_("Result"), figure=False)),
            *(Head(_("Off by")), Head(_("Looked at"))),
            *(Head(_("About"), figure=False), Head(_("Invariant"), figure=False)),
        ),
        tuple(rows),
        folded=len(rows) > UNFOLDED_MAX and all(proof.holds for proof in facts.proofs),
    )
