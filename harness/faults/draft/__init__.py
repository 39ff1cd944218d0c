"""A stream on its way from cassette to script: the values that faults change."""
