"""The public log: what other verbs append to it in their transactions, and the verbs that fill it up and sign it."""
