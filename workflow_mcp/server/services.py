"""Access to a running server's services from a FastMCP context."""

from __future__ import annotations

from dataclasses import dataclass

from fastmcp.exceptions import ToolError
from fastmcp.server.context import Context

from workflow_mcp.app import Services
from workflow_mcp.errors import Code, UsageError

SERVICES = "workflow_mcp"


@dataclass(slots=True)
class ServicesSlot:
    """A running server's services, in its lifespan context; our server replaces a host's while it is mounted."""

    services: Services


def services_of(context: Context) -> Services:
    """The services of the server that serves this call.

    Raises:
        ToolError: `SERVER_NOT_STARTED`, when its lifespan has not been entered. It is a `ToolError` because such a
            server may not have our middleware, which converts `WorkflowError`s.
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
