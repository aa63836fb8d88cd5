"""Whether an installation may go live: how it is configured, how its database is, who runs it. It only looks."""
