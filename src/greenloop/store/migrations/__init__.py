"""The history of the schema, first to last."""
