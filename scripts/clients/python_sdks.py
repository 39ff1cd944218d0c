"""Reads streams with the official SDKs for Python, as a caller would."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any, Protocol

import anthropic
import httpx2
import openai

from scripts.clients.reading import READ_TIMEOUT_S, TIMEOUT, Reading

__all__ = [
    "PythonClient",
    "anthropic_client",
    "openai_client",
    "version_of",
]

_STREAM_HEADER = "x-harness-stream"
_SERVED_BY = "x-streaming-architecture"
_KEY = "sk-placeholder-that-opens-nothing"
_ONE_STREAM_EACH = httpx2.Limits(max_keepalive_connections=0)


class PythonClient(Protocol):
    """One SDK that reads from one server; threads may share it."""

    def read(self, token: str) -> Reading:
        """Request the stream of a slot, and read it to its end."""

    def close(self) -> None:
        """Close its connections."""


@dataclass(slots=True)
class _Gathered:
    """The parts of a reading so far."""

    text: str = ""
    finish: str | None = None
    tools: dict[str, str] = field(default_factory=dict)
    served_by: str | None = None
    headed: bool = False
    yielded: Any = field(default_factory=hashlib.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SdkClient:
    """An SDK, with functions that send a request and that take what it yields."""

    sdk: Any
    timeout: type[Exception]
    ask: Callable[[Any, Mapping[str, str]], Any]
    take: Callable[[Any, _Gathered], None]

    def read(self, token: str) -> Reading:
        gathered = _Gathered()
        try:
            stream = self.ask(self.sdk, {_STREAM_HEADER: token})
            gathered.headed = True
            gathered.served_by = stream.response.headers.get(_SERVED_BY)
            for item in stream:
                self.take(item, gathered)
                # Streams may hold half characters and fields that the SDK lacks.
                told = repr(item.model_dump(warnings=False))
                gathered.yielded.update(told.encode("utf-8", "surrogatepass"))
        except Exception as error:  # noqa: BLE001 - an SDK may raise any error
            return replace(_reading(gathered), **self._failure(error, gathered))
        return _reading(gathered)

    def close(self) -> None:
        self.sdk.close()

    def _failure(self, error: Exception, gathered: _Gathered) -> dict[str, Any]:
        response = getattr(error, "response", None)
        served_by = gathered.served_by
        if response is not None:
            served_by = response.headers.get(_SERVED_BY)
        late = isinstance(error, self.timeout)
        return {
            "error": TIMEOUT if late else type(error).__name__,
            "message": str(error),
            # The SDK for Anthropic raises a status error for an error in band.
            "status": None if gathered.headed else getattr(error, "status_code", None),
            "before_head": not gathered.headed,
            "served_by": served_by,
        }


def openai_client(url: str, *, retries: int = 0) -> PythonClient:
    """Return a client of chat completions at a base URL.

    It uses no connection twice, so bytes that one stream leaves on a connection cannot
    change the next reading.

    Args:
        url: The base URL.
        retries: Number of its own retries.
    """
    sdk = openai.OpenAI(
        base_url=f"{url}/v1",
        api_key=_KEY,
        max_retries=retries,
        timeout=READ_TIMEOUT_S,
        http_client=openai.DefaultHttpxClient(trust_env=False, limits=_ONE_STREAM_EACH),
    )
    return _SdkClient(
        sdk=sdk, timeout=openai.APITimeoutError, ask=_ask_openai, take=_take_chunk
    )


def anthropic_client(url: str, *, helper: bool = False) -> PythonClient:
    """Return a client of messages at a base URL, as `openai_client` does.

    Args:
        url: The base URL.
        helper: Read with ``messages.stream``, which assembles the message, in place of
            the plain events.
    """
    sdk = anthropic.Anthropic(
        base_url=url,
        api_key=_KEY,
        max_retries=0,
        timeout=READ_TIMEOUT_S,
        http_client=anthropic.DefaultHttpxClient(
            trust_env=False, limits=_ONE_STREAM_EACH
        ),
    )
    return _SdkClient(
        sdk=sdk,
        timeout=anthropic.APITimeoutError,
        ask=_ask_for_message if helper else _ask_for_events,
        take=_take_message_event,
    )


def version_of(sdk: str) -> str:
    """Return name and version of an SDK, by its column in the tables."""
    package = sdk.partition("-")[0]
    return f"{sdk} {version(package)}"


def _ask_openai(sdk: openai.OpenAI, headers: Mapping[str, str]) -> Any:
    return sdk.chat.completions.create(
        model="shape",
        messages=[{"role": "user", "content": "hello"}],
        stream=True,
        extra_headers=dict(headers),
    )


def _take_chunk(chunk: Any, gathered: _Gathered) -> None:
    for choice in chunk.choices or ():
        if choice.finish_reason:
            gathered.finish = choice.finish_reason
        delta = choice.delta
        if delta is None:
            continue
        gathered.text += delta.content or ""
        for call in delta.tool_calls or ():
            index = str(call.index)
            more = (call.function.arguments if call.function else None) or ""
            gathered.tools[index] = gathered.tools.get(index, "") + more


def _ask_for_events(sdk: anthropic.Anthropic, headers: Mapping[str, str]) -> Any:
    return sdk.messages.create(
        model="shape",
        max_tokens=64,
        messages=[{"role": "user", "content": "hello"}],
        stream=True,
        extra_headers=dict(headers),
    )


@dataclass(frozen=True, slots=True)
class _Message:
    """A stream of the helper; at its end the whole message is requested."""

    stream: Any

    @property
    def response(self) -> Any:
        return self.stream.response

    def __iter__(self) -> Iterator[Any]:
        yield from self.stream
        self.stream.get_final_message()


def _ask_for_message(sdk: anthropic.Anthropic, headers: Mapping[str, str]) -> Any:
    manager = sdk.messages.stream(
        model="shape",
        max_tokens=64,
        messages=[{"role": "user", "content": "hello"}],
        extra_headers=dict(headers),
    )
    # It is read to its end, or fails: nothing is left to close.
    return _Message(manager.__enter__())


def _take_message_event(event: Any, gathered: _Gathered) -> None:
    if event.type == "content_block_delta":
        gathered.text += getattr(event.delta, "text", None) or ""
    elif event.type == "message_delta":
        gathered.finish = event.delta.stop_reason or gathered.finish


def _reading(gathered: _Gathered) -> Reading:
    # Two deltas may carry the halves of a surrogate pair; written as UTF-16 or JSON
    # they become the character.
    text = gathered.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Reading(
        text=text,
        finish=gathered.finish,
        tools=dict(gathered.tools),
        served_by=gathered.served_by,
        digest=gathered.yielded.hexdigest(),
    )
