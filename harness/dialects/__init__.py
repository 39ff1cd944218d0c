"""What the payloads of providers mean: one package for each dialect, one interface.

Words: a *dialect* is one API by which models are asked to stream; a *payload* is what
one event's data says; a *delta* is what a payload adds to the answer; the *message* is
what all deltas add up to; the *grammar* says which streams are right, whatever they
mean. Names inside a dialect's package are the provider's own.

The harness asks a `Dialect` (`harness.dialects.interface`), which it takes from the
registry. A new dialect is a package, a line in `harness.dialects.registry` and a page.
"""

from __future__ import annotations

__all__: list[str] = []
