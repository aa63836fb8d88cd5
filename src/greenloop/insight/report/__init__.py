"""The report: one HTML file with plots drawn as SVG, complete in itself, in English or Chinese.

Figures come from `store/queries/report.py`; a module a section says them in words, tables and drawings. No script, no
asset from outside, no arithmetic in the template; nothing here writes a row.
"""

from greenloop.insight.report.facts import Year
from greenloop.insight.report.page import write_report

__all__ = ["Year", "write_report"]
