"""The store's own work, without the business: how a database is archived and comes back."""
