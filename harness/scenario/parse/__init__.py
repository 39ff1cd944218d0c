"""From a scenario's document to its values."""
