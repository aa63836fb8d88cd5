"""The guardrails G1 to G15: what holds, where it is enforced, which test shows it, and what a database says of it."""
