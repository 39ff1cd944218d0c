"""A cassette that still holds a secret is refused, and the secret is never shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cassette.files import read_cassette, write_cassette
from harness.cassette.model import Cassette, Segment
from harness.cassette.redaction import redact_interaction
from harness.cassette.secrets_scan import find_secrets
from harness.cli.check import check

ROOT = Path(__file__).parents[3]
OURS = sorted((ROOT / "cassettes").rglob("*.yaml"))
# Put together here, so that no scanner takes this file for a leak.
SECRETS = {
    "openai": "sk-" + "proj-" + "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z" * 2,
    "github": "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "aws": "AKIA" + "IOSFODNN7EXAMPLQ",
}


def plain() -> Cassette:
    """A cassette without secrets."""
    return read_cassette(ROOT / "cassettes" / "llama.cpp" / "plain.yaml")


def holding(secret: str, place: str) -> Cassette:
    """The same with a secret in that place."""
    cassette = plain()
    [one] = cassette.interactions
    request, response = one.request, one.response
    if place == "request header":
        request = replace(request, headers=(*request.headers, ("x-note", secret)))
    elif place == "query":
        request = replace(request, path=f"{request.path}?note={secret}")
    elif place == "request body":
        request = replace(request, body=b'{"prompt": "use %s"}' % secret.encode())
    else:
        # Cut between two segments, where no line of the file shows it whole.
        data = b": note %s\n\n" % secret.encode()
        first, *rest = response.segments
        cut = len(data) - 12
        pieces = [
            Segment(at_ns=first.at_ns, data=data[:cut]),
            Segment(at_ns=first.at_ns, data=data[cut:]),
        ]
        response = replace(response, segments=(*pieces, first, *rest))
    return replace(
        cassette, interactions=(replace(one, request=request, response=response),)
    )


PLACES = ["request header", "query", "request body", "segments"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", SECRETS)
def test_secret_is_found_where_it_stands(name, place):
    """Every place of a cassette is looked at; the finding never holds the secret."""
    found = find_secrets(holding(SECRETS[name], place))

    assert found
    assert SECRETS[name] not in repr(found)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", SECRETS)
def test_redacted_cassette_passes(name, place):
    """What redaction leaves, the scan has nothing to say about."""
    cassette = holding(SECRETS[name], place)
    redacted = tuple(redact_interaction(one) for one in cassette.interactions)

    assert [] == find_secrets(replace(cassette, interactions=redacted))


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_our_recordings_hold_none(path):
    """Random ids, times and fingerprints are no secrets."""
    assert [] == find_secrets(read_cassette(path))


def test_check_fails_and_does_not_show_it(tmp_path):
    """``harness check`` names file and place, and exits 2."""
    path = tmp_path / "leak.yaml"
    write_cassette(path, holding(SECRETS["github"], "request body"))

    done = CliRunner().invoke(check, [str(path)])

    assert 2 == done.exit_code
    assert "leak.yaml" in done.output
    assert SECRETS["github"] not in done.output
