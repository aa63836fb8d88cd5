"""The independent verifier of an auditor's bundle; it shares no code with the product, in either direction.

`verify.py` is whole in itself: one file, standard library only. `tables.py` runs the second implementation, the plain
SQL in `sql/`, on DuckDB or Spark, for any size.
"""
