"""Statements of the custodian against the books: read, matched by set, differences kept as cases, cash confirmed."""
