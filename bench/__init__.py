"""Measurements with their anchors: `make bench`. Big worlds are made by set-based SQL and thrown away. Never in CI."""
