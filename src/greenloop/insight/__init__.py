"""Looking back: checks, the journal, reports and exports. Nothing here writes business rows."""
