"""Verbs that a second person has to agree to, and the audit log that privileged acts are written into."""
