"""A small town where everything happens that can happen in an alliance, within a few simulated weeks.

It is told from one seed: the same seed gives the same rows with the same ids on every database. Here lives the story
of the town, its people, its rules and its mishaps; what each of them means for money is decided below, by the verbs.
"""

from greenloop.sim.town.story import TownSummary, build_town

__all__ = ["TownSummary", "build_town"]
