"""``harness.yaml`` as it is read, and how mistakes in it are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config import (
    Proof,
    Ready,
    parse_address,
    read_config,
    url_target,
)
from harness.errors import InputError
from harness.judge.oracle.oracle import Contract

COMPLETE = """\
targets:
  v1:
    command: [python, -m, proxy, --upstream, "{upstream}"]
    env: {FLAG: "false"}
    ready: {stdout: 'listening on (?P<url>http://\\S+)'}
    relay: "proxy.v1:make_relay"
    proof: {header: "X-Arm:  v1"}
    contract: repairing
  nginx:
    command: [nginx, -c, "{dir}/nginx.conf"]
    url: "http://127.0.0.1:{port}/"
    ready: {http: /healthz}
    files:
      nginx.conf: "http { server { listen {port}; } }"
      other.conf: {template: other.in}
    proof: {log: "arm=(v1|v2)"}
    relay_settings: {A: b}
    contract: transparent
  gateway:
    url: http://127.0.0.1:4000
    headers: {authorization: "Bearer x"}
    upstream_listen: "127.0.0.1:5055"
    contract: transparent
baseline: v1
candidate: gateway
"""


def write(folder: Path, text: str) -> Path:
    """Write a configuration, and the template that it names."""
    path = folder / "harness.yaml"
    path.write_text(text)
    (folder / "other.in").write_text("{ {upstream} }")
    return path


def test_every_key_is_read(tmp_path):
    """What the file says is what the targets are."""
    config = read_config(write(tmp_path, COMPLETE))
    v1, nginx, gateway = config.targets.values()
    assert ("v1", "gateway") == (config.baseline, config.candidate)
    assert ("python", "-m", "proxy", "--upstream", "{upstream}") == v1.command
    assert (None, {"FLAG": "false"}) == (v1.url, v1.env)
    assert Ready(stdout=r"listening on (?P<url>http://\S+)") == v1.ready
    assert Proof(header=("x-arm", "v1")) == v1.proof
    assert (Contract.REPAIRING, "proxy.v1:make_relay") == (v1.contract, v1.relay)
    assert {"FLAG": "false"} == v1.relay_settings
    assert ("http://127.0.0.1:{port}", Ready(http="/healthz")) == (
        nginx.url,
        nginx.ready,
    )
    assert {
        "nginx.conf": "http { server { listen {port}; } }",
        "other.conf": "{ {upstream} }",
    } == nginx.files
    assert (Proof(log="arm=(v1|v2)"), {"A": "b"}) == (nginx.proof, nginx.relay_settings)
    assert (None, "http://127.0.0.1:4000") == (gateway.command, gateway.url)
    assert (("authorization", "Bearer x"),) == gateway.headers
    assert ("127.0.0.1", 5055) == gateway.upstream_listen
    assert tmp_path == gateway.folder


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("    contract: repairing", "    contrat: repairing", 8, "'contract'"),
        ("contract: repairing", "contract: repiring", 8, "'repairing'"),
        ("    contract: repairing\n", "", 2, "'contract' is missing"),
        ("candidate: gateway", "candidate: gatway", 25, "'gateway'"),
        ('FLAG: "false"', "FLAG: false", 4, "expected text, got false"),
        ('"{upstream}"]', '"{upstraem}"]', 3, "command[4]: unknown placeholder"),
        ('"{upstream}"]', '"{upstraem}"]', 3, "did you mean 'upstream'?"),
        ('FLAG: "false"', 'FLAG: "{prt}"', 4, "targets.v1.env.FLAG: unknown"),
        ("http://127.0.0.1:4000", "127.0.0.1:4000", 20, "an http or https URL"),
        ("http://127.0.0.1:4000", '"http://h:{port}"', 20, "has placeholders"),
        ("url: http://127.0.0.1:4000", "ready: {http: /}", 19, "command or url"),
        ("url: http://127.0.0.1:4000", "url: http://h\n    files: {a: b}", 21, "files"),
        ("url: http://127.0.0.1:4000", "url: http://h\n    env: {A: b}", 21, "command"),
        (
            "url: http://127.0.0.1:4000",
            "url: http://h\n    ready: {stdout: x}",
            21,
            "only a target with a command has output",
        ),
        ("(?P<url>http://\\S+)", "http", 2, "where does it listen?"),
        ("(?P<url>http://\\S+)", "(?P<url>http://", 5, "not a regular expression"),
        ("arm=(v1|v2)", "arm=(", 16, "targets.nginx.proof.log: not a regular"),
        ('"X-Arm:  v1"', '"X-Arm"', 7, "a header line such as"),
        ("127.0.0.1:5055", "127.0.0.1:99999", 22, "expected HOST:PORT"),
        ("127.0.0.1:5055", "5055", 22, "an address such as"),
        ("other.in", "missing.in", 15, "no such file"),
        ("nginx.conf:", "../nginx.conf:", 13, "files"),
        ('"proxy.v1:make_relay"', "proxy.v1", 6, "a dotted path such as"),
        ("{http: /healthz}", "{http: healthz}", 12, "begins with a slash"),
        ("{http: /healthz}", "{http: /, stdout: x}", 12, "either 'stdout' or 'http'"),
    ],
)
def test_mistakes_are_told_with_line_and_nearest_name(
    tmp_path, old, new, line, message
):
    """The message says where in the file, and what was meant."""
    assert old in COMPLETE
    path = write(tmp_path, COMPLETE.replace(old, new))
    with pytest.raises(InputError) as caught:
        read_config(path)
    assert message in str(caught.value)
    assert (str(path), line) == (caught.value.source, caught.value.line)


def test_a_missing_file_is_told(tmp_path):
    """The path that was tried stands in the message."""
    with pytest.raises(InputError, match=r"harness\.yaml"):
        read_config(tmp_path / "harness.yaml")


def test_an_unknown_target_is_told_with_the_nearest(tmp_path):
    """What the command line names must be in the file."""
    config = read_config(write(tmp_path, COMPLETE))
    assert "v1" == config.target("v1").name
    with pytest.raises(InputError, match="did you mean 'nginx'"):
        config.target("ngimx")


def test_a_url_is_a_target():
    """``--baseline URL`` needs no file."""
    target = url_target("baseline", "http://127.0.0.1:4000/")
    assert ("baseline", "http://127.0.0.1:4000", None) == (
        target.name,
        target.url,
        target.command,
    )
    with pytest.raises(InputError, match="baseline"):
        url_target("baseline", "127.0.0.1:4000")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:80", ("::1", 80)),
        ("h:65535", ("h", 65535)),
    ],
)
def test_addresses_are_read(text, expected):
    """Host and port, an IPv6 host in brackets."""
    assert expected == parse_address(text)


@pytest.mark.parametrize("text", ["", "8081", ":8081", "h:", "h:x", "h:65536", "h:-1"])
def test_what_is_no_address_is_refused(text):
    """The message shows what was expected."""
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_address(text)


POLICY = "\npolicy: {half_close: serve, drain_after_abort_ms: 250}\n"


def test_policy_is_read(tmp_path):
    """Switches that are not named stand at their default."""
    path = write(tmp_path, COMPLETE + POLICY)

    assert {"half_close": "serve", "drain_after_abort_ms": "250"} == read_config(
        path
    ).policy.non_default


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{half_closed: serve}", "policy.half_closed: there is no policy.*half_close"),
        ("{half_close: serves}", "policy.half_close: expected either, .*'serve'"),
        ("{half_close: 3}", "policy.half_close: expected either"),
        ("{}", "policy: "),
    ],
)
def test_wrong_policy_is_refused(tmp_path, text, message):
    """With file, line, key and the nearest valid name."""
    path = write(tmp_path, f"{COMPLETE}\npolicy: {text}\n")

    with pytest.raises(InputError, match=f"harness.yaml:[0-9]+: {message}"):
        read_config(path)
