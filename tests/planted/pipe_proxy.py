"""A proxy that forwards bytes, with back-pressure or without.

Usage: ``python pipe_proxy.py greedy|careful UPSTREAM_HOST UPSTREAM_PORT``. The greedy
one takes everything from its upstream, whether its client reads or not.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys


async def pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, careful: bool
) -> None:
    """Carry bytes until one side ends."""
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            if careful:
                await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()


async def main(kind: str, host: str, port: int) -> None:
    """Serve until the process is ended."""
    careful = kind == "careful"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_upstream, to_upstream = await asyncio.open_connection(host, port)
        await asyncio.gather(
            pump(reader, to_upstream, careful=True),
            pump(from_upstream, writer, careful=careful),
        )

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address, chosen = server.sockets[0].getsockname()
    print(f"listening on http://{address}:{chosen}", flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
