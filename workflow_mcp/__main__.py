"""`python -m workflow_mcp` and the `workflow-mcp` command.

Serving over stdio without arguments is what clients do on every start: it takes the short way, past
the command line's own imports, and with the garbage collector off until everything is imported.
"""

from __future__ import annotations

import gc
import sys

from workflow_mcp.transports.process import fill_standard_streams, leave_at_once, on_signals


def main() -> None:
    """Run the command that the arguments name; none means serving over stdio."""
    fill_standard_streams()
    if len(sys.argv) > 1:
        from workflow_mcp.cli.main import run

        run()
    else:
        on_signals(leave_at_once)
        gc.disable()
        # Only now: a signal that comes during this long import ends the process.
        from workflow_mcp.transports.stdio.serve import serve_stdio

        serve_stdio()


if __name__ == "__main__":
    main()
