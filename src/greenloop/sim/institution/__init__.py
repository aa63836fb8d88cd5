"""A payment institution to try the product with: it holds money, signs, delays, repeats, loses, and errs by a seed."""
