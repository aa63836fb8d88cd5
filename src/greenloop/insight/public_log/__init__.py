"""The public log outside of the database: its files as any server serves them, and the check that needs no more."""
