"""What the payloads of providers mean: one package for each dialect.

Words: a *payload* is what one event's data says; a *delta* is what a payload adds to
the answer; the *message* is what all deltas assemble to; the *grammar* says which
streams are right, whatever they mean. Names inside a dialect are the provider's own.

A dialect reads anything without raising: judging a target means reading what it broke.
"""

from __future__ import annotations

__all__: list[str] = []
