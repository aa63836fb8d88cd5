"""The API's room of webhooks: where a client is told of what happens, what was sent there, and what is sent again."""
