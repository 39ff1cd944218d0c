"""Evidence: what was observed, and how clients read it."""
