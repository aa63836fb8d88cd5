"""Copies of the database that outlive its disk, and the way back from them to an instant. No row is judged here."""
