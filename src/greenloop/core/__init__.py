"""Decisions: pure functions over plain facts.

Here live the arithmetic and the rules of the business. No I/O, clock, randomness, float or framework: what core
decides depends on its arguments alone, so that anyone can replay it. Recording a decision is the services' work.
"""
