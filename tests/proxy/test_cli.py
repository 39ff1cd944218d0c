from __future__ import annotations

import pytest
from click.testing import CliRunner

from proxy.cli import main

UPSTREAM = ("--upstream", "http://127.0.0.1:9")


def run(*arguments: str, **environ: str) -> tuple[int, str]:
    """Return exit status and stderr."""
    result = CliRunner().invoke(main, arguments, env=environ)
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        ((), {}, "Missing option '--upstream'"),
        (("--upstream", "ftp://x"), {}, "--upstream: it must begin with http://"),
        ((*UPSTREAM, "--listen", "nowhere"), {}, "--listen: expected host:port"),
        ((*UPSTREAM, "--log-level", "loud"), {}, "'loud' is not one of"),
        ((*UPSTREAM, "--log-file", "/"), {}, "--log-file"),
        ((*UPSTREAM, "--set", "X"), {}, "--set: expected NAME=VALUE, got 'X'"),
        ((*UPSTREAM, "--settings-file", "/no/such"), {}, "--settings-file"),
        (
            (*UPSTREAM, "--set", "NEW_STREAMING_ROLLOUT_PERCENTAGE=101"),
            {},
            "NEW_STREAMING_ROLLOUT_PERCENTAGE: expected a number from 0 to 100",
        ),
        (
            UPSTREAM,
            {"ENABLE_NEW_STREAMING_ARCHITECTURE": "yes"},
            "ENABLE_NEW_STREAMING_ARCHITECTURE: expected true or false",
        ),
        (
            UPSTREAM,
            {"STREAMING_IDLE_TIMEOUT_SECONDS": "soon"},
            "STREAMING_IDLE_TIMEOUT_SECONDS: expected a number of seconds",
        ),
        ((), {"PROXY_UPSTREAM": "x"}, "--upstream: it must begin with http://"),
    ],
)
def test_what_is_wrong_is_said_in_one_message(arguments, environ, message):
    """Exit status 2, the reason on stderr, no traceback."""
    code, stderr = run(*arguments, **environ)
    assert code == 2
    assert message in stderr
    assert "Traceback" not in stderr


def test_a_password_in_the_url_is_not_shown():
    """Terminals and CI keep what is printed."""
    code, stderr = run("--upstream", "http://me:s3cret@host")
    assert code == 2
    assert "s3cret" not in stderr


def test_help_names_every_variable_of_the_rollout():
    """Whoever wants to go back finds how, without the documentation."""
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for word in (
        "ENABLE_NEW_STREAMING_ARCHITECTURE",
        "NEW_STREAMING_ROLLOUT_PERCENTAGE",
        "NEW_STREAMING_ROLLOUT_KEY_HEADER",
        "NEW_STREAMING_ROLLOUT_SALT",
        "--settings-file",
    ):
        assert word in result.stdout
