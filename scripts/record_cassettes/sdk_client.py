"""Send one request through an official SDK and read the stream.

Run by `record_with_sdks.py` as ``python sdk_client.py BASE_URL JOB``, with JOB as JSON:
``sdk`` (openai or anthropic), ``body``, ``leave_after`` (events after which the client
closes the connection), and ``tell_at`` (events after which it prints ``reached``). An
error of the SDK is part of the experiment: it is printed, and is not a failure.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

KEY = "sk-placeholder-that-opens-nothing"


def by_openai(url: str, body: dict[str, Any]) -> Iterator[Any]:
    """Stream chat completions with the openai SDK."""
    from openai import OpenAI  # noqa: PLC0415 - each SDK only where it is used

    client = OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0, timeout=30)
    return iter(client.chat.completions.create(**body))


def by_anthropic(url: str, body: dict[str, Any]) -> Iterator[Any]:
    """Stream messages with the anthropic SDK."""
    from anthropic import Anthropic  # noqa: PLC0415 - as above

    client = Anthropic(base_url=url, api_key=KEY, max_retries=0, timeout=30)
    return iter(client.messages.create(**body))


def main() -> None:
    """Read to the end, or leave as the job says."""
    url, job = sys.argv[1], json.loads(sys.argv[2])
    start = by_openai if job["sdk"] == "openai" else by_anthropic
    count = 0
    try:
        for _ in start(url, job["body"]):
            count += 1
            if count == job.get("tell_at"):
                print("reached", flush=True)
            if count == job.get("leave_after"):
                print(f"left after {count} events")
                return
    except Exception as error:  # noqa: BLE001 - an SDK may raise any error
        print(f"{count} events, then {type(error).__name__}: {error}"[:200])
        return
    print(f"{count} events")


if __name__ == "__main__":
    main()
