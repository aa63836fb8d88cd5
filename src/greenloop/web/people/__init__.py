"""Sign-in, and the people behind accounts."""
