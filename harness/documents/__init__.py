"""Documents that know where in their text each value is."""
