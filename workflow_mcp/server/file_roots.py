"""What a client answers to `roots/list`, without what the SDK would refuse a whole call for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext

from workflow_mcp.server.calls import ROOTS


class OnlyFileRoots(ServerMiddleware[Any]):
    """Takes roots that are no `file://` out of a client's answer: for one of them the SDK refuses the whole call."""

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """See `ServerMiddleware`."""
        responses = (ctx.params or {}).get("inputResponses")
        if ctx.params is not None and isinstance(responses, dict) and ROOTS in responses:
            kept = {**responses, ROOTS: _only_file_roots(responses[ROOTS])}
            ctx = replace(ctx, params={**ctx.params, "inputResponses": kept})
        return await call_next(ctx)


def _only_file_roots(answer: object) -> object:
    if not isinstance(answer, dict) or not isinstance(answer.get("roots"), list):
        return answer
    return {**answer, "roots": [root for root in answer["roots"] if not _is_of_another_scheme(root)]}


def _is_of_another_scheme(root: object) -> bool:
    uri = root.get("uri") if isinstance(root, dict) else None
    return isinstance(uri, str) and not uri.lower().startswith("file:")
