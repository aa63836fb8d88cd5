"""The API's rooms: orders, refunds, wallets, pools, cycles, settlements."""
