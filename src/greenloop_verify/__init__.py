"""The independent verifier of an auditor's bundle; it shares no code with the product, in either direction.

`verify.py` is whole in itself: one file, standard library only.
"""
