"""The native engine: symbols in compiled code. `networks.native` finds it."""
