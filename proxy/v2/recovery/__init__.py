"""Recovery: whether another attempt is made, when, and whether any may be."""
