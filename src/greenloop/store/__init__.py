"""Memory: the one Django app with our tables. Models, locks, reads and migrations; no decision is made here."""
