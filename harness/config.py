"""Reader of ``harness.yaml``: the proxies to compare, and their promises."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator

from harness.cassette.model import Headers
from harness.documents.mistakes import Mistakes
from harness.documents.node import Node
from harness.documents.yaml_document import load
from harness.errors import InputError, closest
from harness.files import read_text
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
    """The sign that a target serves; one of the two.

    Attributes:
        stdout: A regular expression that matches a line of its output; its group
            ``url``, where it has one, says where the target listens.
        http: A path that answers with a status below 400.
    """

    stdout: str | None = None
    http: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The proof of which target served a stream; one of the two.

    Attributes:
        header: Name and value of a header of the answer.
        log: A regular expression that matches a log line of the stream.
    """

    header: tuple[str, str] | None = None
    log: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A proxy under test.

    Attributes:
        name: Its name in reports.
        command: Program and arguments; None: it runs already.
        url: Where it listens; None: its output says so (`Ready.stdout`).
        env: Environment variables in addition to ours.
        files: Configuration files by name, as templates.
        ready: The sign that it serves; None: it accepts connections.
        headers: Sent with every request.
        upstream_listen: The address where its configuration expects the upstream;
            None: any, which it gets as ``{upstream}``.
        relay: Dotted path of its relay's factory; None: it has none.
        relay_settings: The factory's settings.
        proof: None: a stream cannot show which target served it.
        folder: The working folder of the command.
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
    """The content of ``harness.yaml``.

    Attributes:
        targets: By name.
        baseline: Name of the target in production.
        candidate: Name of the target that will replace it.
        source: The file, for messages.
        policy: The choices of this suite where reasonable proxies differ.
    """

    targets: Mapping[str, Target]
    baseline: str
    candidate: str
    source: str
    policy: Policy = field(default_factory=Policy)

    def target(self, name: str) -> Target:
        """Return a target by its name.

        Raises:
            InputError: There is none; the error names the nearest.
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
        InputError: The file cannot be read, or has mistakes: each with its line, its
            key and, for a mistyped name, the nearest valid one.
    """
    root = load(read_text(path), source=str(path), mistakes=Mistakes())
    with root.mistakes:
        root.check(Draft202012Validator(config_schema()))
    read = [_read_target(node, path.parent) for node in root.at("targets")]
    for role in ("baseline", "candidate"):
        root.at(role).read(_check_role, root.at("targets"))
    policy = _policy(root.at("policy"))
    root.mistakes.raise_any()
    return Config(
        targets={target.name: target for target in read if target is not None},
        baseline=root.value["baseline"],
        candidate=root.value["candidate"],
        source=str(path),
        policy=policy,
    )


def _check_role(role: Node, targets: Node) -> None:
    # A key that is missing is reported by the schema.
    if role.value is not None and role.value not in targets.mapping:
        raise InputError(
            f"there is no target {role.value!r}",
            at=role,
            nearest=closest(role.value, targets.mapping),
        )


def _policy(node: Node) -> Policy:
    policy = Policy()
    for choice in node:
        policy = choice.read(_with_choice, policy) or policy
    return policy


def _with_choice(choice: Node, policy: Policy) -> Policy:
    try:
        return policy_with(policy, choice.name, choice.value)
    except InputError as error:
        raise InputError(error.message, at=choice, nearest=error.nearest) from None


def url_target(
    name: str,
    url: str,
    *,
    contract: Contract = Contract.TRANSPARENT,
    headers: Headers = (),
    upstream_listen: tuple[str, int] | None = None,
) -> Target:
    """Return a target that runs already, as in ``--baseline URL``.

    Raises:
        InputError: The URL is not an http or https URL.
    """
    pattern = config_schema()["$defs"]["target"]["properties"]["url"]["pattern"]
    if not re.search(pattern, url):
        raise InputError(f"expected an http or https URL, got {url!r}", key=name)
    try:
        # Only reading the port shows that it is wrong.
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
    """Return host and port of ``HOST:PORT``; an IPv6 host is in brackets.

    Raises:
        ValueError: The text is not such an address.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 0xFFFF:
        raise ValueError(f"expected HOST:PORT, such as 127.0.0.1:8081, got {text!r}")
    return host, int(port)


def _read_target(node: Node, folder: Path) -> Target | None:
    """Read one target; None: there is a mistake."""
    for text in (*node.at("command"), *node.at("env"), node.at("url")):
        text.read(_check_placeholders)
    for pattern in (node.at("ready", "stdout"), node.at("proof", "log")):
        pattern.read(_check_pattern)
    _check_keys(node)
    files = {file.name: file.read(_read_template, folder) for file in node.at("files")}
    listen = node.at("upstream_listen").read(_upstream_listen)
    if not node.is_sound:
        return None
    data = node.value
    env = data.get("env", {})
    url = data.get("url")
    return Target(
        name=node.name,
        contract=Contract(data["contract"]),
        command=tuple(data["command"]) if "command" in data else None,
        url=None if url is None else url.rstrip("/"),
        env=env,
        files=files,
        ready=Ready(**data["ready"]) if "ready" in data else None,
        headers=tuple(data.get("headers", {}).items()),
        upstream_listen=listen,
        relay=data.get("relay"),
        relay_settings=data.get("relay_settings", env),
        proof=_proof(data["proof"]) if "proof" in data else None,
        folder=folder,
    )


def _check_placeholders(node: Node) -> None:
    unknown = unknown_placeholder(node.value or "")
    if unknown is not None:
        name, nearest = unknown
        message = f"unknown placeholder {{{name}}}; write {{{{{name}}}}} for the text"
        raise InputError(message, at=node, nearest=nearest)


def _check_keys(target: Node) -> None:
    """Refuse keys that would be ignored, and a target that cannot be reached."""
    data = target.mapping
    keys = target.keys
    output, url = target.at("ready", "stdout"), target.at("url")
    if "command" in keys:
        ready = target.at("ready")
        told = "(?P<url>" in str(output.value)
        if "url" not in keys and not told and ready.is_sound:
            message = (
                "expected url, or ready.stdout with a group (?P<url>…): "
                "where does it listen?"
            )
            with target.mistakes:
                raise target.error(message, missing="url")
        return
    if "url" not in keys and isinstance(target.value, dict):
        message = "expected command or url: how is it reached?"
        with target.mistakes:
            raise target.error(message, missing="url")
    for key in ("env", "files"):
        if key in data and not (key == "env" and "relay" in keys):
            message = "only a target with a command has this key"
            with target.mistakes:
                raise InputError(message, at=target.at(key))
    address = url.value if isinstance(url.value, str) else ""
    if fill_template(address, dict.fromkeys(PLACEHOLDERS, "")) != address:
        message = "only a target with a command has placeholders"
        with target.mistakes:
            raise InputError(message, at=url)
    if output.value is not None:
        message = "only a target with a command has output"
        with target.mistakes:
            raise InputError(message, at=output)


def _read_template(file: Node, folder: Path) -> str:
    if isinstance(file.value, str):
        return file.value
    template = file.at("template")
    try:
        return read_text(folder / template.value)
    except InputError as error:
        raise InputError(f"{error.source}: {error.message}", at=template) from None


def _proof(data: Mapping[str, str]) -> Proof:
    if "log" in data:
        return Proof(log=data["log"])
    name, _, value = data["header"].partition(":")
    return Proof(header=(name.lower(), value.strip()))


def _upstream_listen(node: Node) -> tuple[str, int] | None:
    if node.value is None:
        return None
    try:
        return parse_address(node.value)
    except ValueError as error:
        raise InputError(str(error), at=node) from None


def _check_pattern(node: Node) -> None:
    try:
        re.compile(node.value or "")
    except re.error as error:
        raise InputError(f"not a regular expression: {error}", at=node) from None
