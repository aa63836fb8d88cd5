"""Roles of the platform's people that rules speak of."""

DECIDERS = ("operator", "finance")
"""Who decides, as a second person, on what moves members' money; the database says who has a role."""
