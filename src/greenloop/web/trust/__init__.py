"""Pages of what two people decide together, and of who did what with more than a member's rights."""
