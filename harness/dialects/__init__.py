"""The streaming APIs of providers: one package for each dialect, one interface.

Words: a *dialect* is one streaming API for models; a *payload* is the content of one
event's data; a *delta* is the part that a payload adds to the answer; the *message* is
the sum of all deltas; the *grammar* defines correct streams, whatever they mean. Names
inside a dialect's package are the provider's own.

The harness asks a `Dialect` (`harness.dialects.interface`) from the registry. A new
dialect is a package, and a line in `harness.dialects.registry`; see
docs/write-a-dialect.md.
"""

from __future__ import annotations

__all__: list[str] = []
