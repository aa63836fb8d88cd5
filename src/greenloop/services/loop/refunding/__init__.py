"""How a refund is decided and recorded: working state, what returns, the split on the rest, the lots, the records."""
