"""The native engine: chains of layers that fit int16 and int32, computed by compiled code.

    layers ──chains──► runs of layers that fit ──program──► numbers ──_native.make──► a step
                       and layers that do not  ──Layer.compile──────────────────────► a step

`extension` finds the compiled part, `chains` proves what fits, `program` describes it.
"""
