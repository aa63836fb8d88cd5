"""The pages: asked by Django's client on both databases, and in a real browser."""
