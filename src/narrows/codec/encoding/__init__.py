"""Only who compresses needs this: which symbols stand for a signal, with the decoder as it is.

An encoder gives every signal the latents that are good on average. `requests` says what was asked
for and how many neighbours of the rounded symbols an effort tries, `chooser` decides,
`symbol_encoder` rounds and corrects. Which neighbours cost less, in bits and errors together, is
found by decoding them: `symbol_search` finds them by the gradient of the decoder (`adjoints`) and
what a move costs (`costs`). `budget_search` varies quality and weight of errors until every signal
keeps to its target.
"""
