"""A report as a folder: for people, for spreadsheets, for machines; a manifest that names every file, and a seal on it.

The same period of the same books gives the same bytes, but for the instant at which it was made.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from greenloop.core.trust.report_seal import ReportSeal
from greenloop.insight.supervision import as_parquet, as_pdf, as_xlsx
from greenloop.insight.supervision.report import Report
from greenloop.store import signer
from greenloop.store.backup.files import digest

Progress = Callable[[str, int, int], None]
FORMAT = "greenloop-supervision/1"
MANIFEST, SEAL, PDF, XLSX, DATA = "manifest.json", "manifest.seal", "report.pdf", "report.xlsx", "data"
EQUAL = {
    "orders": {
        "cash_fen": "orders.cash",
        "voucher_fen": "orders.vouchers",
        "coupon_fen": "orders.coupons",
        "concession_fen": "concessions.conceded",
    },
    "payouts": {"amount_fen": "payouts.paid"},
}
"""Sums of an auditor's rows that are a tie's own, by its name."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A report that was written: where, how many files it has, and the key that sealed it."""

    folder: Path
    files: int
    key: str


def write_folder(
    *, folder: Path, report: Report, language: str, origin: str, progress: Progress | None = None
) -> Sealed:
    """Write a report and seal it; the manifest and its seal come last. Asked in the snapshot it was read in.

    :raises Refusal: there is no font to print with, or no key to seal with.
    """
    key = signer.key(origin)
    as_pdf.find_font()
    (folder / DATA).mkdir(parents=True, exist_ok=True)
    for stale in (MANIFEST, SEAL):
        (folder / stale).unlink(missing_ok=True)
    for old in (folder / DATA).glob("*.parquet"):
        old.unlink()
    files: dict[str, Any] = {}
    named = list(as_parquet.tables(report))
    for done, (name, table) in enumerate(named):
        _tell(progress, done, len(named) + 2)
        path = folder / DATA / f"{name}.parquet"
        written = as_parquet.write(path, table)
        files[f"{DATA}/{path.name}"] = {
            "sha256": digest(path),
            "rows": written.rows,
            "columns": written.columns,
            "totals": written.totals,
        }
    (folder / XLSX).write_bytes(as_xlsx.workbook(report, language=language))
    _tell(progress, len(named), len(named) + 2)
    (folder / PDF).write_bytes(as_pdf.document(report, language=language))
    files |= {name: {"sha256": digest(folder / name)} for name in (PDF, XLSX)}
    text = json.dumps(manifest(report, files) | {"key": key.text}, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    (folder / MANIFEST).write_text(text, "utf-8")
    note = signer.seal(ReportSeal(origin, sha256(text.encode()).hexdigest()))
    (folder / SEAL).write_text(note.text, "utf-8")
    _tell(progress, len(named) + 2, len(named) + 2)
    return Sealed(folder, len(files), key.text)


def manifest(report: Report, files: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the seal is on: what the report is of, up to where the books were read, and every file."""
    period, cutoff = report.period, report.cutoff
    return {
        "format": FORMAT,
        "form": report.form,
        "product": report.product,
        "made_at": report.made_at.isoformat(),
        "period": {
            "from": period.first_date.isoformat(),
            "to": period.last_date.isoformat(),
            "utc_offset_minutes": period.offset_minutes,
        },
        "books": {
            "journal": cutoff.journal,
            "newest_journal": cutoff.newest_journal,
            "trust_number": cutoff.trust_number,
            "pending": cutoff.pending,
            "rules": [{"id": each.id, "effective_at": each.effective_at.isoformat()} for each in report.rules],
            "log": {"size": cutoff.checkpoint_size, "root": cutoff.checkpoint_hash},
            "root": {"cycle": cutoff.root_cycle, "hash": cutoff.root_hash, "total_fen": cutoff.root_total_fen},
        },
        "provisional": [sentence.format(count=count) for sentence, count in report.provisional],
        "ties": {"compared": report.compared, "off": report.off},
        "equal": {f"{DATA}/{name}.parquet": EQUAL[name] for name in EQUAL if f"{DATA}/{name}.parquet" in files},
        "files": files,
    }


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress:
        progress("supervision", done, total)
