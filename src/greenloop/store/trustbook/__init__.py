"""The trust book's own database: where it is, its tables and roles, and how it is read. Only the keeper writes it."""
