"""The command line: one door to the product.

A command reads what a person or a script wrote, calls verbs and reads, and answers with a table or with JSON. No
arithmetic, no SQL and no model lives here; the clock of every verb called from here does.
"""
