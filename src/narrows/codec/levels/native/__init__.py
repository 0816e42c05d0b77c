"""Networks of levels in compiled code, which codes the same decisions as numpy.

    ByteLevels, NumberLevels ──description──► numbers ──_native.make_levels──► what codes a part

Levels whose sums are not proven to fit int32 are left to numpy, and so are payloads that compiled
code refuses, which numpy then refuses too and says why.
"""
