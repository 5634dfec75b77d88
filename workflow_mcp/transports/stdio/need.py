"""What a client needs beyond its first answer is loaded when it asks for that."""

from __future__ import annotations

from collections.abc import Callable

from workflow_mcp.transports.stdio.record import parsed
from workflow_mcp.transports.surrogates import as_read

# What is answered without tools, resources and prompts.
WITHOUT_COMPONENTS = ("server/discover", "initialize", "notifications/initialized", "ping")


class Need:
    """Loads the components of a server before the first line that may need them is answered.

    Args:
        load: loads them.
    """

    def __init__(self, load: Callable[[], None]) -> None:
        self._load: Callable[[], None] | None = load

    def asked(self, line: bytes) -> None:
        """Note what the client asks."""
        if self._load is not None and parsed(as_read(line)).get("method") not in WITHOUT_COMPONENTS:
            load, self._load = self._load, None
            load()
