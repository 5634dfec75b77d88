"""Our server over stdio, whose clock stands where a file says: `python clocked_host.py FILE`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from workflow_mcp.__main__ import main
from workflow_mcp.app import open_services
from workflow_mcp.server import lifespan

if __name__ == "__main__":
    file = Path(sys.argv.pop())
    opened = partial(open_services, clock=lambda: float(file.read_text()))
    setattr(lifespan, "open_services", opened)  # noqa: B010 - mypy minds what is assigned to another module's import
    main()
