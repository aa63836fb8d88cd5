"""Pages of the loop: the overview, settlements, wallets, orders."""
