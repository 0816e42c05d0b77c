"""Levels without a network: each element interpolated from those known, by weights of its pass.

elements ──grid──► whole numbers ──walk──► distances from what is predicted, of classes
         ──symbols──► streams of the entropy coder, whose tables both sides learn
"""
