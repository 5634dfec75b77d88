"""Members against a plain dict of roles: whoever does what, in whatever order, the store allows what that allows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.storage.support import DataPlace, emptied, open_store
from workflow_mcp.errors import WorkflowError
from workflow_mcp.storage.store import Store
from workflow_mcp.work.members import ROLES, Member, Role
from workflow_mcp.work.values import Actor, ItemQuery, NewItem, Project

NAMES = ("ana", "bob", "eve")
OPERATOR = None
Step = tuple[str, str | None, str, Role]

STEPS = st.tuples(
    st.sampled_from(["set", "set", "remove", "write", "read", "rename", "list"]),
    st.sampled_from([OPERATOR, *NAMES]),
    st.sampled_from(NAMES),
    st.sampled_from(ROLES),
)


class Model:
    """What has to come of each step: the roles, and how many items the project has."""

    def __init__(self) -> None:
        self.roles: dict[str, Role] = {"ana": "admin"}
        self.items = 0

    def refusal(self, who: str | None, needed: Role) -> str | None:
        """The code with which somebody is refused what needs a role."""
        if who is OPERATOR:
            return None
        if who not in self.roles:
            return "PROJECT_UNKNOWN"
        return None if ROLES.index(self.roles[who]) >= ROLES.index(needed) else "ROLE_INSUFFICIENT"

    def take(self, step: Step) -> str | None:
        """Take a step; the code with which it has to be refused."""
        what, who, whom, role = step
        needed: Role = "admin" if what in ("set", "remove", "rename") else "write" if what == "write" else "read"
        refused = None if what == "list" else self.refusal(who, needed)
        if refused is not None:
            return refused
        is_last = [name for name, held in self.roles.items() if held == "admin"] == [whom]
        match what:
            case "set" if is_last and role != "admin":
                return "ADMIN_REQUIRED"
            case "set":
                self.roles[whom] = role
            case "remove" if whom not in self.roles:
                return "MEMBER_UNKNOWN"
            case "remove" if is_last:
                return "ADMIN_REQUIRED"
            case "remove":
                del self.roles[whom]
            case "write":
                self.items += 1
        return None


async def done(store: Store, project: Project, step: Step) -> Any:
    """Take a step in a store."""
    what, who, whom, role = step
    own = store if who is OPERATOR else store.of_member(who)
    match what:
        case "set":
            return await own.set_member(project, Member(whom, role))
        case "remove":
            return await own.remove_member(project, whom)
        case "write":
            return await own.create_items(project, [NewItem("x")], Actor("x", "/"))
        case "read":
            return len((await own.list_items(project, ItemQuery("all", limit=200))).items)
        case "rename":
            return await own.rename_project(project, f"by {who}")
        case "list":
            return [one.id for one in (await own.list_projects()).projects]


async def played(place: DataPlace, steps: list[Step]) -> None:
    """Take steps in a store and in the model; after each, both say the same."""
    with emptied(place) as empty:
        async with open_store(empty) as store:
            project, model = await store.of_member("ana").create_project("one"), Model()
            other = await store.of_member("zoe").create_project("other")
            for step in steps:
                expected, code = model.take(step), None
                result: Any = None
                try:
                    result = await done(store, project, step)
                except WorkflowError as error:
                    code = error.code
                assert code == expected, (step, model.roles)
                if step[0] == "list":
                    is_theirs = step[1] is OPERATOR or step[1] in model.roles
                    assert (project.id in result, other.id in result) == (is_theirs, step[1] is OPERATOR)
                elif step[0] == "read" and code is None:
                    assert result == model.items
                members = {one.principal: one.role for one in await store.members(project)}
                assert members == model.roles
                assert "admin" in members.values()


@pytest.mark.parametrize("examples", [6, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_roles_are_what_a_dict_says(place: DataPlace, examples: int) -> None:
    """Each step is allowed or refused as the model says; there always is an admin, and nobody sees another project."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=st.lists(STEPS, min_size=8, max_size=25))
    def run(steps: list[Step]) -> None:
        asyncio.run(played(place, steps))

    run()
