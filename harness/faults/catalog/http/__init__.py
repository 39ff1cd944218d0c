"""Faults of the HTTP answer: status, head, content coding, transfer chunks."""
