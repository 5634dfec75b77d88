"""Removes from clients' answers to `roots/list` what the SDK would refuse the whole call for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp_types import ListRootsResult
from pydantic import ValidationError

from workflow_mcp.server.calls import ROOTS


class OnlyFileRoots(ServerMiddleware[Any]):
    """Removes roots that are not `file://` from a client's answer, and an answer that is not a list of roots.

    The SDK refuses the whole call for either.
    """

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """See `ServerMiddleware`."""
        responses = (ctx.params or {}).get("inputResponses")
        if ctx.params is not None and isinstance(responses, dict) and ROOTS in responses:
            kept = {name: answer for name, answer in responses.items() if name != ROOTS}
            answer = _only_file_roots(responses[ROOTS])
            if _is_list_of_roots(answer):
                kept[ROOTS] = answer
            ctx = replace(ctx, params={**ctx.params, "inputResponses": kept})
        return await call_next(ctx)


def _is_list_of_roots(answer: object) -> bool:
    try:
        ListRootsResult.model_validate(answer)
    except ValidationError:
        return False
    return True


def _only_file_roots(answer: object) -> object:
    if not isinstance(answer, dict) or not isinstance(answer.get("roots"), list):
        return answer
    return {**answer, "roots": [root for root in answer["roots"] if not _is_of_another_scheme(root)]}


def _is_of_another_scheme(root: object) -> bool:
    uri = root.get("uri") if isinstance(root, dict) else None
    return isinstance(uri, str) and not uri.lower().startswith("file:")
