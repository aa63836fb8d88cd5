"""Worlds: a seeded town and a replay of real shopping. They drive services like a user; they decide no money.

A world owns its clock and draws everything it makes up from one seed, which its door prints first. Nothing here is
arithmetic of the loop (`core`), and nothing writes a row but through a verb (`services`).
"""
