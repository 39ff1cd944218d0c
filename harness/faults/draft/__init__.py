"""The values that faults change: a stream on its way from cassette to script."""
