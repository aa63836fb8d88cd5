"""The proofs and the report, as `check`, `report` and the demo ask for them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from greenloop.cli.answer import DONE, REFUSED, Answer, count, table, text
from greenloop.cli.progress import watched
from greenloop.cli.words import gettext, spoken

if TYPE_CHECKING:
    from greenloop.insight.proof import Proof
    from greenloop.insight.report import Year


def prove(*, replay: bool = True) -> "Sequence[Proof]":
    """Prove the books with a progress bar."""
    from greenloop.insight.check import check as prove_all

    with watched() as progress:
        return prove_all(replay=replay, progress=progress)


def prove_and_keep(*, by: str, at: datetime, replay: bool = True) -> "Sequence[Proof]":
    """Prove the books and keep the result for the pages; whoever calls this holds the writer's lock."""
    begun = perf_counter()
    found = prove(replay=replay)
    keep(found, replayed=replay, seconds=perf_counter() - begun, by=by, at=at)
    return found


def keep(proofs: "Sequence[Proof]", *, replayed: bool, seconds: float, by: str, at: datetime) -> None:
    """Keep what a proof of the books has found."""
    from greenloop.insight import trust_proofs
    from greenloop.services.books.checked import keep_check

    broken = [(proof.name, proof.what, proof.difference) for proof in proofs if not proof.holds]
    took_ms, compared = round(seconds * 1000), trust_proofs.compared(proofs)
    keep_check(
        statements=len(proofs),
        broken=broken,
        replayed=replayed,
        took_ms=took_ms,
        by=by,
        at=at,
        compared=compared,
    )


def proved(proofs: "Sequence[Proof]") -> Answer:
    """Answer with a table of what was proved."""
    broken = [proof for proof in proofs if not proof.holds]
    facts = [asdict(proof) | {"holds": proof.holds} for proof in proofs]
    columns = [gettext("law"), gettext("where"), gettext("what was proved"), gettext("looked at"), gettext("off by")]
    rows = [(p.law, p.name, gettext(p.what), count(p.looked_at), count(p.difference)) for p in proofs]
    shown = [table(gettext("Proved"), columns, rows)]
    if broken:
        sentence = gettext("{broken} of {count} statements do NOT hold. Stop payouts and find out why:")
        shown.append(text(sentence.format(broken=len(broken), count=len(proofs)), "bold red"))
        shown += [text(f"{proof.name}: {gettext(proof.what)} {proof.detail}", "red") for proof in broken]
    else:
        shown.append(text(gettext("All {count} statements hold.").format(count=len(proofs)), "green"))
    return Answer(facts, shown, REFUSED if broken else DONE, lines=True)


def report_to(path: Path, *, year: "Year | None" = None, proofs: "Sequence[Proof] | None" = None) -> Path:
    """Write the report in the language in use and return where it is; without `proofs` it proves the books itself."""
    from greenloop.insight.report import write_report

    found = prove() if proofs is None else proofs
    return write_report(path, year=year, language=spoken(), at=datetime.now(UTC), proofs=found).absolute()


def bundle_to(folder: Path) -> Mapping[str, int]:
    """Write the auditor's bundle with a progress bar; return the rows by table."""
    from greenloop.insight.bundle import write_bundle

    with watched() as progress:
        return write_bundle(folder=folder, progress=progress)
