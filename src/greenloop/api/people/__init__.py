"""The API's room of members, merchants, stores, rate cards, and of the clients that call."""
