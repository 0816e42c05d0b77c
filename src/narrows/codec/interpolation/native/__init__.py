"""The native engine: levels without a network in compiled code, to the same bits.

    Surroundings ──passes──► numbers ──_native.free_pass──► a pass that compiled code knows
    numbers, streams ──walk──► _native.free_walk, which codes pass after pass

`choice` says whether compiled code is used: where it is built, and gives the known answers.
"""
