"""An MCP server that knows the date and the time, in any time zone.

Over stdio by default, as agentgateway starts it; over streamable HTTP with `--transport http`.
"""

import argparse
from datetime import datetime
from zoneinfo import ZoneInfo

from mcp.server.fastmcp import FastMCP


def _now(timezone: str) -> datetime:
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, OSError, ValueError):  # not found, a directory, not a name
        raise ValueError(f"unknown time zone {timezone!r}; give a name such as Europe/Berlin") from None
    return datetime.now(zone)


def get_date(timezone: str = "UTC") -> str:
    """Today's date, with the day of the week, in an IANA time zone such as Europe/Berlin."""
    return f"{_now(timezone):%A, %Y-%m-%d} ({timezone})"


def get_time(timezone: str = "UTC") -> str:
    """The time of day in an IANA time zone such as Europe/Berlin."""
    return f"{_now(timezone):%H:%M:%S} ({timezone})"


def get_datetime(timezone: str = "UTC") -> str:
    """The date and the time of day in an IANA time zone such as Europe/Berlin."""
    return f"{_now(timezone):%A, %Y-%m-%d %H:%M:%S} ({timezone})"


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description="an MCP server that knows the date and the time")
    parser.add_argument("--transport", choices=("stdio", "http"), default="stdio")
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=3000)
    options = parser.parse_args()
    # Stateless: with more than one replica, the next request of a client may reach another pod.
    server = FastMCP("datetime", host=options.host, port=options.port, stateless_http=True)
    for tool in (get_date, get_time, get_datetime):
        server.tool()(tool)
    server.run("stdio" if options.transport == "stdio" else "streamable-http")


if __name__ == "__main__":
    main()
