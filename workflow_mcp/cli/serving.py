"""`workflow-mcp` and `workflow-mcp serve`: over stdio, or with `--http` over HTTP."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from workflow_mcp.errors import Code, UsageError
from workflow_mcp.transports.process import leave_at_once, on_signals
from workflow_mcp.transports.stdio.opening import Opening


def serve(
    *,
    directory: Annotated[str | None, Parameter(help="stdio: the working directory of every call.")] = None,
    http: Annotated[bool, Parameter(negative="", help="Serve many clients over HTTP.")] = False,
    host: Annotated[str | None, Parameter(help="HTTP: the address to listen on; default 127.0.0.1.")] = None,
    port: Annotated[int | None, Parameter(help="HTTP: the port; default 8765.")] = None,
    path: Annotated[str | None, Parameter(help="HTTP: where the endpoint is; default /mcp.")] = None,
) -> None:
    """Serve over stdio until the client leaves, or over HTTP until stopped."""
    if http and directory is not None:
        raise UsageError(
            Code.DIRECTORY_OVER_HTTP,
            "--directory describes the one client of a stdio server; over HTTP there are many.",
            "leave it out: clients send the X-Workflow-Directory header, roots, or call set_working_directory.",
        )
    on_signals(leave_at_once)
    if http:
        from workflow_mcp.transports.http.serve import serve_http

        serve_http(host=host, port=port, path=path)
    from workflow_mcp.transports.stdio.serve import serve_stdio

    serve_stdio(Opening(None), directory=directory)
