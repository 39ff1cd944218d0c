"""``harness record``: cassettes of a real upstream's answers."""

from __future__ import annotations

import asyncio
import importlib.util
from urllib.parse import urlsplit

import click

from harness.cli.option_groups import GroupedCommand, option
from harness.cli.options import OUTPUT, listen_option, parse_listen
from harness.errors import HarnessError, InputError
from harness.privacy.redact import RedactionRules
from harness.record.saving.file_names import DEFAULT_TEMPLATE, FIELDS
from harness.record.selection import Selection
from harness.record.settings import MAX_BYTES, RecorderSettings, parse_size

__all__ = ["record"]

_EXAMPLES = """\b
Examples:
  harness record --upstream https://api.openai.com
  harness record --upstream http://127.0.0.1:8000 --out cassettes/llama --all
  harness record --upstream https://llm.example --path '*/chat/*' --model 'gpt-*'
  harness record --regular --listen 127.0.0.1:8082
"""

_SERVER = "The server, and the proxy in front of it"
_SELECTION = "What is recorded"
_REDACTION = "Redaction"

_WHERE_CA = "~/.mitmproxy/mitmproxy-ca-cert.pem"


@click.command(cls=GroupedCommand, epilog=_EXAMPLES)
@option("--upstream", group=_SERVER, metavar="URL", help="The server to record.")
@option(
    "--regular",
    group=_SERVER,
    is_flag=True,
    help="Be an HTTP proxy, for clients that can use one.",
)
@listen_option("127.0.0.1:0", _SERVER)
@option(
    "--out",
    group=OUTPUT,
    default="cassettes",
    show_default=True,
    metavar="DIR",
    help="Folder of the cassettes.",
)
@option(
    "--name",
    group=OUTPUT,
    default=DEFAULT_TEMPLATE,
    show_default=True,
    metavar="TEMPLATE",
    help=f"Names of the cassettes; fields in braces: {', '.join(FIELDS)}.",
)
@option(
    "--all",
    "everything",
    group=_SELECTION,
    is_flag=True,
    help="Also record answers that are no event streams.",
)
@option(
    "--path",
    "paths",
    group=_SELECTION,
    multiple=True,
    metavar="GLOB",
    help="Record only paths that match. Repeatable.",
)
@option(
    "--model",
    "models",
    group=_SELECTION,
    multiple=True,
    metavar="GLOB",
    help="Record only requests for models that match. Repeatable.",
)
@option(
    "--max-bytes",
    group=_SELECTION,
    default=str(MAX_BYTES),
    show_default=True,
    metavar="SIZE",
    help="Keep at most this much of a body, such as 64m; 0 keeps all.",
)
@option(
    "--tag",
    "tags",
    group=OUTPUT,
    multiple=True,
    metavar="WORD",
    help="Tag of every cassette. Repeatable.",
)
@option(
    "--redact-header",
    group=_REDACTION,
    multiple=True,
    metavar="NAME",
    help="Redact this header in addition to the known ones. Repeatable.",
)
@option(
    "--redact-parameter",
    group=_REDACTION,
    multiple=True,
    metavar="NAME",
    help="The same for a parameter of the query.",
)
@option(
    "--redact-key",
    group=_REDACTION,
    multiple=True,
    metavar="NAME",
    help="The same for a key in JSON bodies.",
)
@option(
    "--redact-pattern",
    group=_REDACTION,
    multiple=True,
    metavar="REGEX",
    help="The same for text that matches the expression.",
)
@option(
    "--upstream-ca",
    group=_SERVER,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Certificates that the upstream is verified with (PEM).",
)
@option(
    "--idle-timeout",
    group=_SERVER,
    metavar="SECONDS",
    type=click.IntRange(min=1),
    help="Close a connection after this much silence; mitmproxy's default is 600.",
)
@option(
    "--set",
    "options",
    group=_SERVER,
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of mitmproxy, such as ssl_insecure=true. Repeatable.",
)
def record(  # noqa: PLR0913 - one argument for each option
    *,
    upstream: str | None,
    regular: bool,
    listen: str,
    out: str,
    name: str,
    everything: bool,
    paths: tuple[str, ...],
    models: tuple[str, ...],
    max_bytes: str,
    tags: tuple[str, ...],
    redact_header: tuple[str, ...],
    redact_parameter: tuple[str, ...],
    redact_key: tuple[str, ...],
    redact_pattern: tuple[str, ...],
    upstream_ca: str | None,
    idle_timeout: int | None,
    options: tuple[str, ...],
) -> None:
    """Record the answers of a real server, as they arrive.

    A proxy in front of the server forwards everything immediately; every event stream
    becomes a cassette in DIR: its bytes, their borders and times, and how it ended.
    Credentials are redacted before anything is written. Ctrl-C ends.

    Exit codes: 0 all was saved, 2 usage or configuration, 4 a recording was not saved.
    """
    try:
        rules = RedactionRules(
            headers=frozenset(redact_header),
            parameters=frozenset(redact_parameter),
            keys=frozenset(redact_key),
            patterns=redact_pattern,
        )
    except ValueError as error:
        raise InputError(str(error), key="--redact-pattern") from None
    settings = RecorderSettings(
        out=out,
        selection=Selection(everything=everything, paths=paths, models=models),
        name=name,
        max_bytes=parse_size(max_bytes, "--max-bytes"),
        rules=rules,
        tags=tags,
    )
    host, port = parse_listen(listen)
    mode, base = _mode(upstream, regular=regular)
    if importlib.util.find_spec("mitmproxy") is None:
        message = (
            "recording needs mitmproxy: pip install 'stream-rollout-harness[record]'"
        )
        raise HarnessError(message)
    # Half a second, needed only here.
    from harness.record.session import ProxySettings  # noqa: PLC0415 - lazy
    from harness.record.session import record as run  # noqa: PLC0415 - lazy

    plan = ProxySettings(
        mode=mode,
        host=host,
        port=port,
        upstream_ca=upstream_ca,
        idle_limit_s=idle_timeout,
        options=options,
    )

    def ready(host: str, port: int) -> None:
        for line in _welcome(host, port, base=base, upstream=upstream, out=out):
            click.echo(line)

    not_selected = asyncio.run(run(settings, plan, ready=ready, warn=_warn))
    if not_selected:
        answers = (
            "1 answer was" if not_selected == 1 else f"{not_selected} answers were"
        )
        hint = "" if everything else " (--all records what is no event stream)"
        click.echo(f"{answers} not selected{hint}")


def _mode(upstream: str | None, *, regular: bool) -> tuple[str, str]:
    """Return mitmproxy's mode, and the path that a client's base URL has."""
    if (upstream is None) != regular:
        raise InputError("expected either --upstream URL or --regular")
    if upstream is None:
        return "regular", ""
    parts = urlsplit(upstream)
    try:
        well = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        well = False
    if not well or parts.query or parts.fragment or parts.username is not None:
        message = f"expected a URL such as https://host:port, got {upstream!r}"
        raise InputError(message, key="--upstream")
    return f"reverse:{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")


def _welcome(
    host: str, port: int, *, base: str, upstream: str | None, out: str
) -> list[str]:
    bracketed = f"[{host}]" if ":" in host else host
    url = f"http://{bracketed}:{port}"
    if upstream is None:
        setting = [
            f"HTTP_PROXY={url} HTTPS_PROXY={url}",
            f"SSL_CERT_FILE={_WHERE_CA}  # for https; the client must trust it",
        ]
    else:
        setting = [
            f"OPENAI_BASE_URL={url}{base or '/v1'}",
            f"ANTHROPIC_BASE_URL={url}{base.removesuffix('/v1')}",
        ]
    return [
        f"listening on {url}",
        *(f"  set {line}" for line in setting),
        f"recording into {out}; Ctrl-C ends",
    ]


def _warn(message: str) -> None:
    click.echo(f"harness: {message}", err=True)
