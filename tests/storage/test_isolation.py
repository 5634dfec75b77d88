"""Projects that have nothing to do with each other."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.storage.support import (
    DataPlace,
    check_invariants,
    data_of,
    file_of,
    ids,
    in_files,
    make,
    open_store,
    refused,
)
from workflow_mcp.errors import WorkflowError
from workflow_mcp.storage.store import Store
from workflow_mcp.work.values import Actor, ItemQuery, ItemUpdate, NewItem, Project


async def test_ids_of_one_project_are_unknown_in_the_other(
    store: Store, project: Project, other: Project, ana: Actor
) -> None:
    """With the very error that an id gets that was never given out."""
    (mine,) = await make(store, project, ana, "mine")
    await store.ensure(other)
    foreign = await refused("ITEM_NOT_FOUND", store.get_item(other, mine))
    unknown = await refused("ITEM_NOT_FOUND", store.get_item(project, 999))
    assert str(foreign).replace("#1", "#") == str(unknown).replace("#999", "#")
    await refused("ITEM_NOT_FOUND", store.update_items(other, [ItemUpdate(mine, title="x")], ana))
    await refused("ITEM_NOT_FOUND", store.claim_item(other, ana, mine))
    await refused("ITEM_NOT_FOUND", store.delete_items(other, [mine], ana))
    await refused("ITEM_NOT_FOUND", store.create_items(other, [NewItem("x", parent=mine)], ana))


@pytest.mark.parametrize("operations", [250, pytest.param(10_000, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
async def test_random_work_in_two_projects_never_mixes(
    store: Store, place: DataPlace, project: Project, other: Project, operations: int
) -> None:
    """No answer for one project has anything of the other, though titles and ids are equal in both."""
    choose = random.Random(operations)
    size = {project.known_id: 0, other.known_id: 0}
    for _ in range(operations):
        here = choose.choice((project, other))
        actor = Actor(f"of {here.name}", f"/{here.name}")
        try:
            shown = await _something(store, here, actor, choose, size)
        except WorkflowError as error:
            shown = str(error)
        foreign = "two" if here is project else "one"
        assert f"of {foreign}" not in shown
        assert f"/{foreign}" not in shown
    for one in (project, other):
        assert await ids(store, one, "all", limit=200) == sorted(await ids(store, one, "all", limit=200))
        records = str([record async for record in store.export(one)])
        assert f"of {'two' if one is project else 'one'}" not in records
        check_invariants(data_of(place, one))


async def _something(store: Store, project: Project, actor: Actor, choose: random.Random, size: dict[str, int]) -> str:
    target = choose.randint(1, max(size[project.known_id], 1))
    match choose.randrange(7):
        case 0 | 1:
            parent = target if size[project.known_id] and choose.random() < 0.3 else None
            new = NewItem("the same title", description=actor.name, parent=parent, labels=("same",))
            made = await store.create_items(project, [new], actor)
            size[project.known_id] = made.items[-1].id
            return str(made)
        case 2:
            return str(await store.claim_item(project, actor))
        case 3:
            status = choose.choice(("pending", "completed", "cancelled"))
            return str(await store.update_items(project, [ItemUpdate(target, status=status, note=actor.name)], actor))
        case 4:
            view = choose.choice(("ready", "open", "done", "all", "blocked"))
            return str(await store.list_items(project, ItemQuery(view, text=choose.choice((None, "same")), limit=20)))
        case 5:
            return str(await store.link_items(project, target, choose.randint(1, target + 1), "blocks", actor))
        case _:
            return str(await store.get_item(project, target))


@in_files
async def test_projects_are_listed_from_their_own_files(store: Store, tmp_path: Path, ana: Actor) -> None:
    """By name, a page at a time, found by a part of the name; a broken file is told of and hides no other."""
    refs = [Project(f"00000000-0000-4000-8000-{n:012}", f"Project {n:02}") for n in range(12)]
    for ref in refs:
        await store.ensure(ref)
    broken = file_of(tmp_path, Project("33333333-3333-4333-8333-333333333333", "x"))
    broken.write_bytes(b"no database at all" * 100)
    first = await store.list_projects(limit=5)
    second = await store.list_projects(limit=200, cursor=first.next_cursor)
    assert [*first.projects, *second.projects] == refs
    assert len(first.problems) == 1
    assert first.problems[0].startswith("STORE_DAMAGED")
    assert str(broken) in first.problems[0]
    assert (await store.list_projects(text="pROJECT 07")).projects == (refs[7],)


async def test_a_project_is_found_by_id_or_unique_name(store: Store, project: Project, other: Project) -> None:
    """Two of one name are not chosen between, and an unknown one is not made."""
    await store.ensure(project)
    await store.ensure(other)
    assert await store.find_project(project.known_id.upper()) == project
    assert await store.find_project("two") == other
    await refused("PROJECT_UNKNOWN", store.find_project("tw"))
    await refused("PROJECT_UNKNOWN", store.find_project("../../etc/passwd"))
    twin = Project("33333333-3333-4333-8333-333333333333", "two")
    await store.ensure(twin)
    error = await refused("PROJECT_AMBIGUOUS", store.find_project("two"))
    assert other.known_id in str(error)
    assert twin.known_id in str(error)
    await refused("PROJECT_AMBIGUOUS", store.find_or_create_project("two"))


async def test_a_name_without_an_id_gets_one_project(place: DataPlace) -> None:
    """Though many ask at once; later ones find it."""
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(open_store(place)) for _ in range(4)]
        made = await asyncio.gather(*(store.find_or_create_project("fresh") for store in stores))
        assert len(set(made)) == 1
        assert await stores[0].find_or_create_project("fresh") == made[0]
        assert (await stores[1].list_projects()).projects == (made[0],)


async def test_a_renamed_project_is_found_by_its_new_name(store: Store, place: DataPlace, project: Project) -> None:
    """In other processes as well, and by no other: one that only a config gives it is not its name."""
    await store.ensure(project)
    async with open_store(place) as again:
        await again.ensure(Project(project.id, "elsewhere"))
        await refused("PROJECT_UNKNOWN", again.find_project("elsewhere"))
        await again.rename_project(project, "renamed")
        assert (await store.find_project("renamed")).id == project.id
        assert (await store.find_or_create_project("renamed")).id == project.id
        await refused("PROJECT_UNKNOWN", again.find_project(project.name))


@in_files
@pytest.mark.parametrize("project_id", ["", "x", "../../../tmp/x", "11111111111141118111111111111111", "A" * 36])
async def test_only_a_uuid_names_a_file(store: Store, tmp_path: Path, project_id: str) -> None:
    """Nothing a config says leads out of the folder."""
    await refused("PROJECT_ID_INVALID", store.ensure(Project(project_id, "x")))
    assert list(tmp_path.iterdir()) == [], "nothing is made for it"


async def test_few_files_stay_open_and_all_work(tmp_path: Path, ana: Actor) -> None:
    """More projects than may be open take turns."""
    refs = [Project(f"00000000-0000-4000-8000-{n:012}", f"p{n}") for n in range(5)]
    async with open_store(tmp_path, max_open=2) as store:
        for _ in range(2):
            for ref in refs:
                await make(store, ref, ana, "x")
        for ref in refs:
            assert await ids(store, ref) == [1, 2]
