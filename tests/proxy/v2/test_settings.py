from __future__ import annotations

import pytest

from proxy.v2.settings import VARIABLES, OnMalformed, Settings, StutterMode, validate


class TestSettings:
    def test_missing_variables_take_their_defaults(self):
        """An empty mapping gives the documented defaults."""
        expected = Settings(
            stutter=StutterMode.OPENING,
            on_malformed=OnMalformed.REPORT,
            first_byte_timeout_ns=300_000_000_000,
            idle_timeout_ns=60_000_000_000,
            timeout_ns=900_000_000_000,
            hold_ns=0,
            buffer_bytes=4096,
            max_errors=10,
            breaker_open_ns=30_000_000_000,
            retries=2,
            retry_backoff_ns=200_000_000,
            retry_max_ns=10_000_000_000,
        )

        assert expected == Settings.read({})

    def test_values_are_read(self):
        """Each variable reaches its attribute, in nanoseconds where it is a time."""
        settings = Settings.read(
            {
                "STREAMING_STUTTER": "off",
                "STREAMING_ON_MALFORMED": "skip",
                "STREAMING_FIRST_BYTE_TIMEOUT_SECONDS": "2",
                "STREAMING_IDLE_TIMEOUT_SECONDS": "0.25",
                "STREAMING_TIMEOUT_SECONDS": "30.000000001",
                "STREAMING_HOLD_MS": "50",
                "STREAMING_BUFFER_SIZE": "99",
                "STREAMING_MAX_ERRORS": "3",
                "STREAMING_BREAKER_OPEN_SECONDS": "4",
                "STREAMING_RETRIES": "5",
                "STREAMING_RETRY_BACKOFF_MS": "6",
                "STREAMING_RETRY_MAX_SECONDS": "7",
            }
        )

        expected = Settings(
            stutter=StutterMode.OFF,
            on_malformed=OnMalformed.SKIP,
            first_byte_timeout_ns=2_000_000_000,
            idle_timeout_ns=250_000_000,
            timeout_ns=30_000_000_001,
            hold_ns=50_000_000,
            buffer_bytes=99,
            max_errors=3,
            breaker_open_ns=4_000_000_000,
            retries=5,
            retry_backoff_ns=6_000_000,
            retry_max_ns=7_000_000_000,
        )
        assert expected == settings

    def test_variable_not_acted_on_is_validated_too(self):
        """A bad value stops the start, even if only the driver uses it."""
        with pytest.raises(ValueError, match="STREAMING_HOLD_MS"):
            Settings.read({"STREAMING_HOLD_MS": "soon"})


class TestValidate:
    @pytest.mark.parametrize("name", VARIABLES)
    def test_defaults_are_valid(self, name):
        """Every default is a value that its variable accepts."""
        validate({name: VARIABLES[name].default})

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("STREAMING_MAX_ERRORS", "1"),
            ("STREAMING_BREAKER_OPEN_SECONDS", "0.1"),
            ("STREAMING_RETRIES", "0"),
            ("STREAMING_RETRY_BACKOFF_MS", "0"),
            ("STREAMING_RETRY_MAX_SECONDS", "1.5"),
            ("STREAMING_BUFFER_SIZE", "0"),
            ("STREAMING_HOLD_MS", "250"),
            ("STREAMING_CONNECT_TIMEOUT_SECONDS", "0.5"),
            ("STREAMING_STUTTER", "off"),
            ("STREAMING_ON_MALFORMED", "skip"),
        ],
    )
    def test_good_values_are_accepted(self, name, value):
        """Values of the right type pass."""
        validate({name: value})

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("STREAMING_MAX_ERRORS", "0", "a whole number of at least 1"),
            ("STREAMING_MAX_ERRORS", "ten", "a whole number of at least 1"),
            ("STREAMING_RETRIES", "-1", "a whole number"),
            ("STREAMING_RETRIES", "two", "a whole number"),
            ("STREAMING_RETRY_BACKOFF_MS", "0.5", "a whole number of milliseconds"),
            ("STREAMING_RETRY_MAX_SECONDS", "0", "a number of seconds above 0"),
            ("STREAMING_BREAKER_OPEN_SECONDS", "0", "a number of seconds above 0"),
            ("STREAMING_BUFFER_SIZE", "-1", "a whole number of bytes"),
            ("STREAMING_BUFFER_SIZE", "4_096", "a whole number of bytes"),
            ("STREAMING_HOLD_MS", "1.5", "a whole number of milliseconds"),
            ("STREAMING_TIMEOUT_SECONDS", "0", "a number of seconds above 0"),
            ("STREAMING_TIMEOUT_SECONDS", "nan", "a number of seconds above 0"),
            ("STREAMING_IDLE_TIMEOUT_SECONDS", "1e3", "a number of seconds above 0"),
            ("STREAMING_CONNECT_TIMEOUT_SECONDS", "", "a number of seconds above 0"),
            ("STREAMING_FIRST_BYTE_TIMEOUT_SECONDS", " 5", "a number of seconds"),
            ("STREAMING_STUTTER", "Opening", "opening or off"),
            ("STREAMING_ON_MALFORMED", "true", "report or skip"),
        ],
    )
    def test_bad_value_is_named_with_what_was_expected(self, name, value, expected):
        """The error names the variable, the accepted values, and the value."""
        with pytest.raises(ValueError, match="expected") as caught:
            validate({name: value})

        message = str(caught.value)
        assert message.startswith(f"{name}: expected {expected}")
        assert message.endswith(repr(value))

    def test_other_names_are_not_looked_at(self):
        """The environment of a process holds much else."""
        validate({"PATH": "x", "STREAMING_PLATFORM": "y"})
