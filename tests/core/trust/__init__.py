"""Tests of what the product can show to anybody: trees, notes and the texts that they are hashed from."""
