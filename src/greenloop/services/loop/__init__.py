"""Verbs of the loop: take, confirm, vest, settle, draw, expire, refund, hold, publish rules."""
