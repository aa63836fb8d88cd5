"""Wiring: settings, logging, the console entry. The only floor that knows everything; no business rule lives here."""
