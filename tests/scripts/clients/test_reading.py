from __future__ import annotations

import pytest

from scripts.clients.reading import TIMEOUT, Grade, Meant, Reading, grade, worse

MEANT = Meant(text="Hello world", finish="stop", tools={"0": '{"a":1}'})
RIGHT = Reading(text="Hello world", finish="stop", tools={"0": '{"a":1}'})
CUT = Meant(text="Hello world", finish="stop", whole=False, says="boom")


def told(text="Hello", *, error="APIError", **more):
    """Return a reading that an error ended."""
    return Reading(text=text, error=error, **more)


class TestGrade:
    @pytest.mark.parametrize(
        ("reading", "expected"),
        [
            (RIGHT, Grade.RIGHT),
            (Reading(text="Hello world", finish="stop"), Grade.FALSE),
            (Reading(text="Hello", finish="stop"), Grade.FALSE),
            (Reading(text="HelloHello world", finish="stop"), Grade.FALSE),
            (Reading(text="Hello world", tools={"0": '{"a":1}'}), Grade.SILENT),
            (Reading(), Grade.SILENT),
            (told(), Grade.TOLD),
            (told(""), Grade.TOLD),
            (told("Hello", tools={"0": '{"a":'}), Grade.TOLD),
            (told("Hello", error=TIMEOUT), Grade.HANG),
            (told("HelloHello"), Grade.GARBLED),
            (told("Hello", tools={"0": '{"b"'}), Grade.GARBLED),
            (told("Hello", tools={"1": "{"}), Grade.GARBLED),
        ],
    )
    def test_follows_from_what_was_read(self, reading, expected):
        assert grade(reading, MEANT) is expected

    def test_a_hole_that_an_error_tells_of_is_told(self):
        assert grade(told("Heworld"), MEANT) is Grade.TOLD

    def test_what_the_server_did_not_finish_is_never_right(self):
        assert grade(Reading(text="Hello world", finish="stop"), CUT) is Grade.FALSE
        assert grade(Reading(text="Hello world"), CUT) is Grade.SILENT


class TestWorse:
    def test_is_no_reading_than_itself(self):
        for reading in (RIGHT, told(), Reading()):
            assert worse(reading, reading, MEANT) is None

    def test_is_a_lower_grade(self):
        assert worse(told(), RIGHT, MEANT) == ("right directly, told through the proxy")
        assert worse(Reading(text="Hello"), told(), CUT) is not None
        assert worse(told(error=TIMEOUT), told(), CUT) is not None
        assert worse(Reading(text="Hello"), told(error=TIMEOUT), CUT) is not None
        assert worse(RIGHT, told(), MEANT) is None

    def test_is_less_text_in_the_same_grade(self):
        assert worse(told("Hell"), told("Hello"), CUT) == (
            "1 characters fewer than directly"
        )
        assert worse(told("Hello wo"), told("Hello"), CUT) is None
        assert worse(Reading(text="H"), Reading(text="He"), CUT) is not None

    def test_is_another_status(self):
        late = told("", error="RateLimitError", status=429, before_head=True)
        early = told("", error="InternalServerError", status=500, before_head=True)
        assert worse(early, late, CUT) == "status 429 became 500"

    def test_is_a_request_that_is_no_longer_asked_again(self):
        refused = told("", error="APIConnectionError", before_head=True)
        bad_gateway = told("", status=502, before_head=True)
        assert worse(bad_gateway, refused, CUT) is None
        assert worse(told(""), refused, CUT) == "the SDK no longer asks again"

    def test_is_the_loss_of_the_servers_words(self):
        said = told(message="boom")
        assert worse(told(message="boom: 500"), said, CUT) is None
        assert worse(told(message="an error"), said, CUT) == (
            "the server's words 'boom' are lost"
        )
