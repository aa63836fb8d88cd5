"""Greenloop: a consumption-rebate platform that is solvent by construction and open to inspection.

Floors, from the ground: core (decisions), store (memory), services (verbs) beside insight (looking back),
sim (worlds), cli (a door), config (wiring). Imports point down only.
"""
