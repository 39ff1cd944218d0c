"""The faults that ship, one function each, by the layer that they change."""
