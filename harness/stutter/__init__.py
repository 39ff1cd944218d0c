"""``harness stutter``: how well a target tells stutter from repeats that are meant.

A *recorded stream* that is clean is made into *labelled streams*, one of each *set*
that it fits: of them it is known to the letter what was meant. Each is *played* in
virtual time into every target and *scored*; the *gate* decides over all scores; the
*report* is one document, which ``render`` shows.
"""
