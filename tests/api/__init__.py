"""The HTTP API as programs meet it."""
