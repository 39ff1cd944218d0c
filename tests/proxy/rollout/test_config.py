from __future__ import annotations

import os

import pytest

from proxy.rollout.config import (
    ConfigError,
    ListenAddress,
    LiveSettings,
    parse_listen_address,
    resolve,
)

PERCENTAGE = "NEW_STREAMING_ROLLOUT_PERCENTAGE"
ENABLE = "ENABLE_NEW_STREAMING_ARCHITECTURE"


def test_defaults():
    """Without variables every stream takes v1, within the documented limits."""
    settings = resolve({})
    assert settings.rollout.decide(()).architecture == "v1"
    assert settings.streaming == {}
    assert settings.connect_timeout_s == 10
    assert settings.total_timeout_s == 900
    assert settings.warnings == ()


def test_streaming_variables_reach_the_architectures_as_they_came():
    """The raw strings are passed on; an empty one counts as unset."""
    settings = resolve(
        {"STREAMING_HOLD_MS": "050", "STREAMING_STUTTER": "", "HOME": "x"}
    )
    assert settings.streaming == {"STREAMING_HOLD_MS": "050"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STREAMING_MAX_ERRORS", "0"),
        ("STREAMING_MAX_ERRORS", "ten"),
        ("STREAMING_BUFFER_SIZE", "-5"),
        ("STREAMING_HOLD_MS", "1.5"),
        ("STREAMING_TIMEOUT_SECONDS", "0"),
        ("STREAMING_CONNECT_TIMEOUT_SECONDS", "1m"),
        ("STREAMING_FIRST_BYTE_TIMEOUT_SECONDS", "nan"),
        ("STREAMING_IDLE_TIMEOUT_SECONDS", "inf"),
        ("STREAMING_STUTTER", "always"),
        ("STREAMING_ON_MALFORMED", "drop"),
        (PERCENTAGE, "101"),
        (ENABLE, "yes"),
    ],
)
def test_a_value_that_does_not_parse_stops_the_start(name, value):
    """The message names the variable, the accepted values, and the value."""
    with pytest.raises(ConfigError) as caught:
        resolve({name: value})
    assert str(caught.value).startswith(f"{name}: expected ")
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("STREAMING_MAX_ERORS", "STREAMING_MAX_ERRORS"),
        ("NEW_STREAMING_ROLLOUT_PERCENT", PERCENTAGE),
        ("ENABLE_NEW_STREAMING_ARCHITECTUR", ENABLE),
    ],
)
def test_an_unknown_variable_is_a_warning_with_the_nearest_name(name, nearest):
    """A misspelt variable does not fail silently."""
    (warning,) = resolve({name: "1"}).warnings
    assert warning == f"{name} is not a variable of this proxy; did you mean {nearest}?"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        (":0", "127.0.0.1", 0),
        ("[::1]:80", "::1", 80),
        ("localhost:65535", "localhost", 65535),
    ],
)
def test_listen_addresses(text, host, port):
    """Host and port, with brackets around an IPv6 address."""
    assert parse_listen_address(text) == ListenAddress(host=host, port=port)


@pytest.mark.parametrize("text", ["", "8080", "host:", "host:65536", "::1:80", "a:b"])
def test_bad_listen_addresses(text):
    """A bad address is refused with the expected form."""
    with pytest.raises(ConfigError, match="expected host:port"):
        parse_listen_address(text)


def decide(live: LiveSettings) -> str:
    """Return what serves a stream that begins now."""
    return live.current().rollout.decide(()).architecture


def test_the_file_wins_over_options_and_options_over_the_environment(tmp_path):
    """A rollback in the file overrules the values at the start."""
    path = tmp_path / "settings"
    assert decide(LiveSettings({PERCENTAGE: "0"}, {PERCENTAGE: "100"})) == "v2"
    path.write_text(f"# comment\n\n{PERCENTAGE} = 0\n")
    assert decide(LiveSettings({PERCENTAGE: "100"}, {PERCENTAGE: "100"}, path)) == "v1"


def test_a_change_of_the_file_takes_effect_for_the_next_stream(tmp_path):
    """No restart and no signal is needed, even within one tick of the clock."""
    path = tmp_path / "settings"
    path.write_text(f"{PERCENTAGE}=100\n")
    live = LiveSettings({}, None, path)
    told: list[tuple[str, str]] = []
    live.on_change = lambda level, message: told.append((level, message))
    assert decide(live) == "v2"
    replacement = tmp_path / "new"
    replacement.write_text(f"{PERCENTAGE}=000\n")
    stamp = path.stat().st_mtime_ns
    os.utime(replacement, ns=(stamp, stamp))
    replacement.rename(path)
    assert decide(live) == "v1"
    assert told == [("info", f"settings read again from {path}")]


@pytest.mark.parametrize(
    "text", [f"{PERCENTAGE}=1000\n", "nonsense\n", f"export {ENABLE}=true\n", None]
)
def test_a_file_that_cannot_be_used_sends_new_streams_to_v1(tmp_path, text):
    """A file that is broken by an edit is most likely a rollback."""
    path = tmp_path / "settings"
    path.write_text(f"{PERCENTAGE}=100\n")
    live = LiveSettings({ENABLE: "true"}, None, path)
    levels: list[str] = []
    live.on_change = lambda level, _: levels.append(level)
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    assert decide(live) == "v1"
    assert levels == ["error"]
    path.write_text(f"{PERCENTAGE}=100.0\n")
    assert decide(live) == "v2"


def test_a_byte_order_mark_does_not_hide_the_kill_switch(tmp_path):
    """Editors on Windows write one."""
    path = tmp_path / "settings"
    path.write_text(f"{ENABLE}=false\n", encoding="utf-8-sig")
    assert decide(LiveSettings({ENABLE: "true"}, None, path)) == "v1"


@pytest.mark.parametrize("name", ["ENABLE_STREAMING_ARCHITECTURE", ENABLE.lower()])
def test_any_unknown_name_in_the_file_or_in_set_is_a_warning(tmp_path, name):
    """They are for this proxy only, so it is a mistake, perhaps in a rollback."""
    path = tmp_path / "settings"
    path.write_text(f"{name}=false\n")
    expected = f"{name} is not a variable of this proxy; did you mean {ENABLE}?"
    assert LiveSettings({}, None, path).current().warnings == (expected,)
    assert LiveSettings({}, {name: "false"}).current().warnings == (expected,)
    assert LiveSettings({name: "false", "HOME": "/"}).current().warnings == ()


def test_a_file_that_breaks_leaves_the_limits_as_they_were(tmp_path):
    """Only the choice falls back, also where the file mended the environment."""
    path = tmp_path / "settings"
    path.write_text(f"{PERCENTAGE}=100\nSTREAMING_HOLD_MS=20\n")
    live = LiveSettings({"STREAMING_HOLD_MS": "soon"}, None, path)
    path.write_text("nonsense\n")
    assert decide(live) == "v1"
    assert live.current().streaming == {"STREAMING_HOLD_MS": "20"}


def test_a_file_that_cannot_be_used_at_the_start_stops_it(tmp_path):
    """The message names file and line."""
    path = tmp_path / "settings"
    path.write_text(f"{PERCENTAGE}=1\nnonsense\n")
    with pytest.raises(ConfigError, match="settings:2: expected NAME=value"):
        LiveSettings({}, None, path)


def test_a_value_is_told_with_its_source(tmp_path):
    """The file, then ``--set``, then the environment; an empty line unsets."""
    path = tmp_path / "settings"
    path.write_text(f"{PERCENTAGE}=\n{ENABLE}=true\n")
    live = LiveSettings({PERCENTAGE: "5"}, {PERCENTAGE: "6"}, path)
    assert live.source(PERCENTAGE) == "default"
    assert live.current().rollout.hundredths is None
    assert live.source(ENABLE) == "settings file"
    assert (
        LiveSettings({PERCENTAGE: "5"}, {PERCENTAGE: ""}).source(PERCENTAGE)
        == "default"
    )
    assert (
        LiveSettings({PERCENTAGE: "5"}, {PERCENTAGE: "6"}).source(PERCENTAGE) == "--set"
    )
    assert LiveSettings({PERCENTAGE: "5"}).source(PERCENTAGE) == "environment"


def test_a_reload_reads_a_file_that_does_not_look_changed(tmp_path):
    """A signal asks for it; the time stamp may lie."""
    path = tmp_path / "settings"
    path.write_text(f"{PERCENTAGE}=100\n")
    live = LiveSettings({}, None, path)
    stamp = path.stat()
    path.write_text(f"{PERCENTAGE}=000\n")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert decide(live) == "v2"
    live.reload()
    assert decide(live) == "v1"
    assert live.changes == 1


def test_a_reload_without_a_file_changes_nothing():
    """The environment of a process does not change; that is said."""
    live = LiveSettings({PERCENTAGE: "100"})
    told: list[str] = []
    live.on_change = lambda level, _: told.append(level)
    live.reload()
    assert decide(live) == "v2"
    assert told == ["warning"]
    assert live.changes == 0


def test_one_snapshot_decides_one_stream(tmp_path):
    """A change between two looks never mixes old and new switches (no lost update)."""
    path = tmp_path / "settings"
    path.write_text(f"{ENABLE}=true\n{PERCENTAGE}=100\n")
    live = LiveSettings({}, None, path)
    before = live.current()
    path.write_text(f"{ENABLE}=false\n{PERCENTAGE}=0.01\n")
    after = live.current()
    assert (before.rollout.enabled, before.rollout.hundredths) == (True, 10_000)
    assert (after.rollout.enabled, after.rollout.hundredths) == (False, 1)
    with pytest.raises(AttributeError):
        before.rollout.enabled = False
