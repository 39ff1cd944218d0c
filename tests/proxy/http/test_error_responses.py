from __future__ import annotations

import json

import pytest

from proxy.http.error_responses import error_body, error_response, json_response


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (502, "upstream_error"), (500, "api_error")],
)
def test_an_error_is_what_sdks_read(status, kind):
    """Message, type and code are below ``error``; the length is the body's."""
    headers, body = error_body(status, "No.")

    error = {"message": "No.", "type": kind, "code": status}
    assert json.loads(body) == {"error": error}
    assert headers == (
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    )
    assert error_response(status, "No.") == (status, headers, body)


def test_a_json_response_is_kept_by_no_cache():
    """It is about the present."""
    response = json_response(200, {"status": "ok"})

    assert (response.status, json.loads(response.body)) == (200, {"status": "ok"})
    assert (b"cache-control", b"no-store") in response.headers
