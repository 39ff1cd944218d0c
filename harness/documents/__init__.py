"""YAML documents that know where in their text each value stands."""
