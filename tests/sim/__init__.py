"""The simulated worlds: their stories hold together, and a seed tells one story on every database."""
