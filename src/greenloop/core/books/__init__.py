"""The chart of control accounts and which postings may join them. No balance is kept here."""
