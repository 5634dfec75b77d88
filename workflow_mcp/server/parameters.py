"""A middleware of the SDK that checks the bounds of a request's parameters before the SDK validates them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from workflow_mcp.errors import UsageError
from workflow_mcp.server.limits import check_parameters

logger = logging.getLogger(__name__)


class ParameterLimits(ServerMiddleware[Any]):
    """Refuses messages whose parameters exceed the bounds, before the SDK validates them.

    The arguments of tools are excluded: `Boundary` checks them and answers with a tool error.
    """

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """See `ServerMiddleware`."""
        try:
            check_parameters(_without_arguments(ctx.method, ctx.params or {}))
        except UsageError as error:
            if ctx.request_id is None:
                logger.info("a notification was dropped: %s", error)
                return None
            raise MCPError(code=INVALID_PARAMS, message=str(error)) from error
        return await call_next(ctx)


def _without_arguments(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if method != "tools/call" or name != "arguments"}
