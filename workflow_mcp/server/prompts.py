"""Prompts, which users start from their client's menu."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from workflow_mcp.server.dependencies import CurrentWorkspace
from workflow_mcp.workspace.values import Workspace

PLAN = """\
Plan this goal as work items of the project "{project}" ({directory}):

{goal}

1. Look at what is there: list_work_items(view="open").
2. Break the goal into items that one agent can finish in one sitting; a parent (epic or feature) for what belongs
   together.
3. Create them all with one create_work_items call. Give each a short imperative title, a description that says when it
   is done, an item_type, a priority (0 urgent to 4), and a `ref`; name refs in `parent` and `depends_on`, so that what
   can be done at once is ready at once and nothing is ready too early. Pass a request_id, so that a retry is safe.
4. Show what is ready: list_work_items(view="ready").
"""


# Claude Code splits what is typed after a prompt's name on spaces and passes only the first word; the whole text
# reaches the model in <command-args>.
FIRST_WORD = """
(Your client may pass the first word alone: if <command-args> stands beside this, the goal is all that is in it.)\
"""


async def plan_work(
    goal: Annotated[str, Field(description="What is to be achieved.")],
    workspace: Workspace = CurrentWorkspace(required=False),
) -> str:
    """Turn a goal into a plan of work items."""
    name = "none yet: call init_project first" if workspace.project is None else workspace.project.name
    whole = goal if len(goal.split()) > 1 else goal + FIRST_WORD
    return PLAN.format(project=name, directory=workspace.directory or "no directory known", goal=whole)
