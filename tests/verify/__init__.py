"""The independent verifier: it agrees with the product on whatever happens, and names whatever is forged."""
