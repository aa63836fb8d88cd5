"""The outbox: events written by the verbs that make them happen, and how they reach those who asked to be told.

What is told lives in `news`, who is told in `endpoints`, how it gets there in `deliver`. No money moves here.
"""
