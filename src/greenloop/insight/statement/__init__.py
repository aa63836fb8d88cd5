"""A merchant's statement as a drawing and as files: the same figures as its page shows, to the fen."""
