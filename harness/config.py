"""``harness.yaml``: the proxies to compare (DESIGN, section 7)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.cassette.files import read_text
from harness.cassette.model import Headers
from harness.documents.yaml_document import Document, load, validate
from harness.documents.yaml_document import Path as Place
from harness.errors import InputError, closest
from harness.judge.oracle.oracle import Contract
from harness.judge.oracle.policy import Policy, policy_with
from harness.placeholders import PLACEHOLDERS, fill_template, unknown_placeholder

__all__ = [
    "Config",
    "Proof",
    "Ready",
    "Target",
    "config_schema",
    "parse_address",
    "read_config",
    "url_target",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """How it is known that a target serves; one of the two.

    Attributes:
        stdout: A regular expression that a line of its output matches; its group
            ``url``, where it has one, says where the target listens.
        http: A path that answers with a status below 400.
    """

    stdout: str | None = None
    http: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How a stream shows what served it; one of the two.

    Attributes:
        header: Name and value of a header of the answer.
        log: A regular expression that a log line of the stream matches.
    """

    header: tuple[str, str] | None = None
    log: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A proxy under test.

    Attributes:
        name: What the report calls it.
        contract: What it promises.
        command: Program and arguments; None: it runs already.
        url: Where it listens; None: its output says so (`Ready.stdout`).
        env: Environment variables beside ours.
        files: Configuration files by name, as templates.
        ready: How it is known that it serves; None: it takes connections.
        headers: Sent with every request.
        upstream_listen: Where its configuration expects the upstream; None: anywhere,
            it is told with ``{upstream}``.
        relay: Dotted path of its relay's factory; None: it has none.
        relay_settings: What the factory is given.
        proof: How a stream shows what served it; None: it cannot.
        folder: Where the command is started.
    """

    name: str
    contract: Contract
    command: tuple[str, ...] | None = None
    url: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    ready: Ready | None = None
    headers: Headers = ()
    upstream_listen: tuple[str, int] | None = None
    relay: str | None = None
    relay_settings: Mapping[str, str] = field(default_factory=dict)
    proof: Proof | None = None
    folder: Path = Path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What ``harness.yaml`` says.

    Attributes:
        targets: By name.
        baseline: Name of the target in production.
        candidate: Name of the target that is to take over.
        source: The file, for messages.
        policy: What reasonable proxies do differently, and this suite decides.
    """

    targets: Mapping[str, Target]
    baseline: str
    candidate: str
    source: str
    policy: Policy = field(default_factory=Policy)

    def target(self, name: str) -> Target:
        """Return the target of that name.

        Raises:
            InputError: If there is none; it names the nearest.
        """
        if name in self.targets:
            return self.targets[name]
        names = ", ".join(self.targets)
        raise InputError(
            f"there is no target {name!r}; there is {names}",
            source=self.source,
            nearest=closest(name, self.targets),
        )


def config_schema() -> Mapping[str, Any]:
    """Return the JSON Schema of ``harness.yaml``."""
    file = resources.files(__package__).joinpath("config.schema.json")
    schema: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def read_config(path: Path) -> Config:
    """Read ``harness.yaml``.

    Raises:
        InputError: The file cannot be read or does not say what it must; the message
            has the line, the key and, for a mistyped name, the nearest valid one.
    """
    document = load(read_text(path), source=str(path))
    validate(document, config_schema())
    data = document.data
    targets = {
        name: _Reader(document, name, path.parent).read() for name in data["targets"]
    }
    for role in ("baseline", "candidate"):
        if data[role] not in targets:
            raise document.error(
                f"there is no target {data[role]!r}",
                (role,),
                nearest=closest(data[role], targets),
            )
    return Config(
        targets=targets,
        baseline=data["baseline"],
        candidate=data["candidate"],
        source=str(path),
        policy=_policy(document),
    )


def _policy(document: Document) -> Policy:
    policy = Policy()
    for name, value in document.data.get("policy", {}).items():
        try:
            policy = policy_with(policy, name, value)
        except InputError as error:
            raise document.error(
                error.message, ("policy", name), nearest=error.nearest
            ) from None
    return policy


def url_target(
    name: str,
    url: str,
    *,
    contract: Contract = Contract.TRANSPARENT,
    headers: Headers = (),
    upstream_listen: tuple[str, int] | None = None,
) -> Target:
    """Return a target that runs already, as ``--baseline URL`` names it.

    Raises:
        InputError: It is not an http or https URL.
    """
    pattern = config_schema()["$defs"]["target"]["properties"]["url"]["pattern"]
    if not re.search(pattern, url):
        raise InputError(f"expected an http or https URL, came {url!r}", key=name)
    try:
        # Only asking for the port finds one that is none.
        _ = urlsplit(url).port
    except ValueError as error:
        raise InputError(f"{url!r}: {error}", key=name) from None
    return Target(
        name=name,
        contract=contract,
        url=url.rstrip("/"),
        headers=headers,
        upstream_listen=upstream_listen,
    )


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``; an IPv6 host stands in brackets.

    Raises:
        ValueError: It is no such address.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 0xFFFF:
        raise ValueError(f"expected HOST:PORT, such as 127.0.0.1:8081, came {text!r}")
    return host, int(port)


class _Reader:
    """Reads one target; the schema holds already."""

    def __init__(self, document: Document, name: str, folder: Path) -> None:
        self._document = document
        self._name = name
        self._place: Place = ("targets", name)
        self._data: dict[str, Any] = document.data["targets"][name]
        self._folder = folder

    def read(self) -> Target:
        data = self._data
        self._check_placeholders()
        self._check_keys()
        env = data.get("env", {})
        url = data.get("url")
        return Target(
            name=self._name,
            contract=Contract(data["contract"]),
            command=tuple(data["command"]) if "command" in data else None,
            url=None if url is None else url.rstrip("/"),
            env=env,
            files=self._files(),
            ready=self._ready(),
            headers=tuple(data.get("headers", {}).items()),
            upstream_listen=self._upstream_listen(),
            relay=data.get("relay"),
            relay_settings=data.get("relay_settings", env),
            proof=self._proof(),
            folder=self._folder,
        )

    def _check_keys(self) -> None:
        """Refuse what would be ignored, and what cannot be known."""
        data = self._data
        if "command" not in data:
            if "url" not in data:
                raise self._error("expected command or url: how is it reached?")
            for key in ("env", "files"):
                if key in data and not (key == "env" and "relay" in data):
                    raise self._error("only a target with a command has this key", key)
            if (
                fill_template(data["url"], dict.fromkeys(PLACEHOLDERS, ""))
                != data["url"]
            ):
                raise self._error(
                    "only a target with a command has placeholders", "url"
                )
            if "stdout" in data.get("ready", {}):
                raise self._error(
                    "only a target with a command has output", "ready", "stdout"
                )
        elif "url" not in data and "(?P<url>" not in data.get("ready", {}).get(
            "stdout", ""
        ):
            message = (
                "expected url, or ready.stdout with a group (?P<url>…): "
                "where does it listen?"
            )
            raise self._error(message)

    def _check_placeholders(self) -> None:
        for place, text in self._filled():
            unknown = unknown_placeholder(text)
            if unknown is not None:
                name, nearest = unknown
                message = (
                    f"unknown placeholder {{{name}}}; write {{{{{name}}}}} for the text"
                )
                raise self._document.error(
                    message, (*self._place, *place), nearest=nearest
                )

    def _filled(self) -> Iterator[tuple[Place, str]]:
        for index, argument in enumerate(self._data.get("command", ())):
            yield ("command", index), argument
        for name, value in self._data.get("env", {}).items():
            yield ("env", name), value
        if "url" in self._data:
            yield ("url",), self._data["url"]

    def _files(self) -> Mapping[str, str]:
        files = {}
        for name, value in self._data.get("files", {}).items():
            if isinstance(value, str):
                files[name] = value
                continue
            try:
                files[name] = read_text(self._folder / value["template"])
            except InputError as error:
                raise self._error(
                    f"{error.source}: {error.message}", "files", name, "template"
                ) from None
        return files

    def _ready(self) -> Ready | None:
        ready = self._data.get("ready")
        if ready is None:
            return None
        if "stdout" in ready:
            self._check_pattern(ready["stdout"], "ready", "stdout")
        return Ready(**ready)

    def _proof(self) -> Proof | None:
        proof = self._data.get("proof")
        if proof is None:
            return None
        if "log" in proof:
            self._check_pattern(proof["log"], "proof", "log")
            return Proof(log=proof["log"])
        name, _, value = proof["header"].partition(":")
        return Proof(header=(name.lower(), value.strip()))

    def _upstream_listen(self) -> tuple[str, int] | None:
        text = self._data.get("upstream_listen")
        if text is None:
            return None
        try:
            return parse_address(text)
        except ValueError as error:
            raise self._error(str(error), "upstream_listen") from None

    def _check_pattern(self, pattern: str, *place: str) -> None:
        try:
            re.compile(pattern)
        except re.error as error:
            raise self._error(f"not a regular expression: {error}", *place) from None

    def _error(self, message: str, *place: str) -> InputError:
        return self._document.error(message, (*self._place, *place))
