"""A second, independent reading of settlement.md, and journals to compare on. It imports nothing of the product."""
