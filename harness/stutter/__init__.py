"""``harness stutter``: how well a target tells stutter from repeats that are meant."""
