"""The connection of those who only read: it can't write, and it sees nobody's refs, phones or words (0028)."""
