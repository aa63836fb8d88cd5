"""Verbs: one public function is one transaction: gather rows, ask core, record. No decision and no clock live here."""
