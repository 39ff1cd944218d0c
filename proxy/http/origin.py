"""The upstream's address, and the bytes of a request to it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from proxy.http.headers import end_to_end
from proxy.http.response_framer import request_head
from proxy.relay import Headers

__all__ = ["Origin", "OriginError"]

_BODILESS_METHODS = frozenset({b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"TRACE"})
_REWRITTEN = frozenset({b"host", b"content-length", b"accept-encoding", b"expect"})


class OriginError(ValueError):
    """The upstream's URL cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The address of the upstream.

    Attributes:
        host: Host name or address, without brackets.
        tls: Whether to use TLS; the certificate is checked.
        prefix: Path before every target, without a slash at its end.
    """

    host: str
    port: int
    tls: bool
    prefix: bytes = b""

    @classmethod
    def parse(cls, url: str) -> Origin:
        """Read a base URL such as ``https://api.example`` or ``http://host:9/llm/v1``.

        A ``/v1`` at its end is left out, because every target begins with it.

        Raises:
            OriginError: It is not an http or https URL, or not only a base.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise OriginError(f"{error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OriginError("it must begin with http:// or https:// and name a host")
        if parts.username is not None or parts.query or parts.fragment:
            raise OriginError("it must not hold credentials, a query or a fragment")
        if not url.isascii() or any(c <= " " for c in url):
            raise OriginError("it must be ASCII without spaces")
        tls = parts.scheme == "https"
        path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
        return cls(
            host=parts.hostname,
            port=port or (443 if tls else 80),
            tls=tls,
            prefix=path.encode("ascii"),
        )

    @property
    def authority(self) -> bytes:
        """The value of ``Host``, without the scheme's default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        own = 443 if self.tls else 80
        return (host if self.port == own else f"{host}:{self.port}").encode("ascii")

    def request(
        self, method: bytes, target: bytes, headers: Headers, body: bytes
    ) -> bytes:
        """Return the bytes of the request to the upstream.

        End-to-end headers keep their order, credentials included. ``Host`` is the
        upstream's, the length is that of ``body``, and the answer is requested
        uncompressed, because a relay reads it.
        """
        kept = [(b"host", self.authority)]
        kept += [
            line for line in end_to_end(headers) if line[0].lower() not in _REWRITTEN
        ]
        kept.append((b"accept-encoding", b"identity"))
        if body or method not in _BODILESS_METHODS:
            kept.append((b"content-length", b"%d" % len(body)))
        return request_head(method, self.prefix + target, tuple(kept)) + body
