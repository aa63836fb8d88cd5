"""Tests of looking back: the report, its sums and figures, and exports."""
