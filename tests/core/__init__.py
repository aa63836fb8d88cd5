"""Tests of the arithmetic alone: examples that a clerk can check by hand, laws over all inputs, long journals."""
