"""Recordings of real upstream streams.

Words: a *cassette* holds *interactions*; an interaction is a request and its response;
a response body is a run of *segments*, each the bytes of one read with its time; the
*ending* says how and when the stream stopped. Everything except ``files`` is pure.
"""

from __future__ import annotations

__all__: list[str] = []
