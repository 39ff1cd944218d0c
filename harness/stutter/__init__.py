"""``harness stutter`` measures how well a target tells stutter from meant repeats.

From each clean *recorded stream* it makes *labelled streams*, one for each *set* that
fits: for these the meant text is known to the letter. Each is *played* in virtual time
into every target and *scored*; the *gate* decides over all scores; the *report* is one
document, which ``render`` shows.
"""
