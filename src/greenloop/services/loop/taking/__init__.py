"""How a batch of sales is taken: what is read for it, the counter that rings it up, the till for vouchers."""
