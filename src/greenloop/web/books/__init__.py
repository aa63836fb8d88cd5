"""Pages of the books: what merchants are owed and paid."""
