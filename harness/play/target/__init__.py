"""The proxy under test: its process, its output, and proof that it served a stream."""
