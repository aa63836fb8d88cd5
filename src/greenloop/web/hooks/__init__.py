"""The pages of webhooks: where clients are told of what happens, what was sent there, and what is sent again."""
