"""Verbs about members, merchants, stores and rate cards; about sign-in, seats, staff, and forgetting a person."""
