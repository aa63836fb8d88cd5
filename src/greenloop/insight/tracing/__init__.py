"""One order explained: its own share of each journal behind it, and where each fen of its price went as a drawing."""
