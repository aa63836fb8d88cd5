"""Reads, a file a room. They return frozen dataclasses or value rows, never model instances or querysets."""
