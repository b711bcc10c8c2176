"""Carry connections from a loopback port of the machine to a port inside the lab's network.

The listener is opened outside and handed over as standard input; this program then runs inside, so accepting
happens in one network and connecting in the other. It imports nothing of the lab: only the standard library.
"""

import asyncio
import contextlib
import socket
import sys

CHUNK = 65536


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()


async def serve(listener: socket.socket, host: str, port: int) -> None:
    async def carry(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        try:
            server, request = await asyncio.open_connection(host, port)
        except OSError:
            answer.transport.abort()  # the API server is away: a reset says so at once
            return
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(_pump(client, request), _pump(server, answer))

    async with await asyncio.start_server(carry, sock=listener, backlog=512) as server:
        await server.serve_forever()


def main() -> None:
    host, port = sys.argv[1], int(sys.argv[2])
    asyncio.run(serve(socket.socket(fileno=sys.stdin.fileno()), host, port))


if __name__ == "__main__":
    main()
