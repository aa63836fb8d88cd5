"""The API's room of what two people decide, of the log of privileged acts, and of what the clock ran."""
