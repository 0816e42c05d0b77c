"""Better symbols for the same decoder: what an encoder can still gain after rounding.

An encoder gives every signal the latents that are good on average. Which of their neighbours
cost less, in bits and errors together, is found by decoding them: `efforts` says how many,
`search` finds them, by the gradient of the decoder (`adjoints`), the bits of symbols (`costs`)
and the squared error (`distortion`). A decoder needs nothing of this.
"""

from narrows.codec.encoding.efforts import DEFAULT_EFFORT, EFFORTS, MAX_EFFORT, Effort
from narrows.codec.encoding.symbol_search import SymbolSearch

__all__ = ["DEFAULT_EFFORT", "EFFORTS", "MAX_EFFORT", "Effort", "SymbolSearch"]
