"""From a FastMCP context to the services of the server that serves the call."""

from __future__ import annotations

from dataclasses import dataclass

from fastmcp.exceptions import ToolError
from fastmcp.server.context import Context

from workflow_mcp.app import Services
from workflow_mcp.errors import Code, UsageError

SERVICES = "workflow_mcp"


@dataclass(slots=True)
class ServicesSlot:
    """What a running server's lifespan context holds: its services, which one of ours mounted into it may replace."""

    services: Services


def services_of(context: Context) -> Services:
    """The services of the server that serves this call.

    Raises:
        ToolError: `SERVER_NOT_STARTED`, when its lifespan has not been entered. Such a server may have nothing
            of ours that would turn a `WorkflowError` into an answer.
    """
    slot = context.lifespan_context.get(SERVICES)
    if isinstance(slot, ServicesSlot):
        return slot.services
    error = UsageError(
        Code.SERVER_NOT_STARTED,
        "this server's lifespan has not been entered.",
        "run the server, connect a Client to it, or give the host lifespan=workflow_lifespan.",
    )
    raise ToolError(str(error))
