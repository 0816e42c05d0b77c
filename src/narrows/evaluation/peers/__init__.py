"""The codecs that narrows is measured beside: one contract, one setting each, one registry."""
