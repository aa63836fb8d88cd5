"""The full-chain supervision report: a period from orders to payouts, tied at each step, as files that anybody checks.

`books` reads the period, `ties` holds each sum against another one, `report` puts both together for who may see what;
`as_*` write it down, `folder` seals it, `checking` checks what was sealed. Nothing here writes business rows.
"""
