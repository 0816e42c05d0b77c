"""Only who compresses needs this: which symbols stand for a signal, with the decoder as it is.

An encoder gives every signal the latents that are good on average. `requests` says what was asked
for, `chooser` decides, `symbol_encoder` rounds and corrects. Which neighbours of the rounded
symbols cost less, in bits and errors together, is found by decoding them: `efforts` says how many,
`symbol_search` finds them by the gradient of the decoder (`adjoints`), the bits of symbols
(`bit_costs`) and the squared error (`distortion`). `budget_search` varies quality and weight of
errors until every signal keeps to its target.
"""
