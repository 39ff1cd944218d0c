"""What was observed, and how clients read it."""
