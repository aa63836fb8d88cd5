"""What two people decide on: how a changed document differs from the one before."""
