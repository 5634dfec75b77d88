"""Tools that read and set the session's directory and project."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Annotated

from fastmcp.dependencies import CurrentContext
from fastmcp.server.context import Context
from pydantic import Field

from workflow_mcp import __version__
from workflow_mcp.app import Services
from workflow_mcp.errors import ConfigError, WorkflowError
from workflow_mcp.server.arguments import OptionalText, SessionArgument
from workflow_mcp.server.calls import call_of, caller_of
from workflow_mcp.server.dependencies import CurrentWorkspace
from workflow_mcp.server.results import (
    CacheResult,
    EndSessionResult,
    HealthResult,
    WorkspaceResult,
    at,
    workspace_result,
)
from workflow_mcp.server.services import services_of
from workflow_mcp.sessions.caller import Caller, handle_key, mint_handle, session_key
from workflow_mcp.work.values import Project
from workflow_mcp.workspace.init import init_project as initialise
from workflow_mcp.workspace.init import new_project
from workflow_mcp.workspace.resolver import chosen_project
from workflow_mcp.workspace.values import Call, Location, Workspace

NOT_SAVED = (
    "Warning: this could not be saved, because the server's data directory is not writable: "
    "when the server stops, it is as it was before."
)


async def set_working_directory(
    directory: Annotated[str, Field(description="Absolute path.")],
    session: SessionArgument = None,
    new_session: Annotated[bool, Field(description="Give a subagent a session of its own.")] = False,
    context: Context = CurrentContext(),
) -> WorkspaceResult:
    """Set the directory you work in. Its project is the nearest .workflow-mcp/config.json at or above it.
    If the result has a `session`, pass it in every later call."""
    services, caller = services_of(context), await _known_caller(context, session)
    location = await services.resolver.locate(directory, "session")
    if session is None and not new_session and await _follows(services, call_of(context), location):
        return workspace_result(await services.resolver.require(call_of(context)))
    key, handle = key_to_set(caller, new_session=new_session)
    await services.sessions.set_working_directory(
        key,
        location.directory.path,
        config_path=location.config_path,
        project_id=None if location.project is None else location.project.id,
    )
    notes = () if services.sessions.is_saved(key) else (NOT_SAVED,)
    return workspace_result(Workspace(key, handle, location, location.project), *notes)


async def _follows(services: Services, call: Call, location: Location) -> bool:
    """Whether the call is made from that directory anyway: then what was set is forgotten, and the session follows."""
    if call.directory is None or await _resolved(services, call.directory) != location.directory.resolved:
        return False
    if (key := session_key(call.caller)) is not None:
        await services.sessions.end_session(key)
    return True


async def _resolved(services: Services, directory: str) -> str | None:
    try:
        return (await services.resolver.locate(directory, "call")).directory.resolved
    except WorkflowError:
        return None  # the client is where it can no longer be


async def _known_caller(context: Context, handle: str | None) -> Caller:
    # Only whether the handle is valid matters here, not what was set before.
    caller = caller_of(context, handle)
    if handle is not None:
        await services_of(context).resolver.session(caller)
    return caller


def key_to_set(caller: Caller, *, new_session: bool = False) -> tuple[str, str | None]:
    """The session key to store something under, and its handle; both are new when nothing identifies the caller."""
    key = None if new_session else session_key(caller)
    if key is not None:
        return key, caller.handle
    handle = mint_handle()
    return handle_key(handle, principal=caller.principal), handle


async def get_working_directory(
    session: SessionArgument = None, workspace: Workspace = CurrentWorkspace(required=False)
) -> WorkspaceResult:
    """Say which directory and project your calls are for, and how that is known."""
    return workspace_result(workspace)


async def init_project(
    name: Annotated[
        OptionalText, Field(description="Default: the main checkout's project, or the directory's name")
    ] = None,
    session: SessionArgument = None,
    workspace: Workspace = CurrentWorkspace(choice=False),
    context: Context = CurrentContext(),
) -> WorkspaceResult:
    """Make the working directory (or its git repository) a project by creating or completing its
    .workflow-mcp/config.json; a git worktree joins the project of its main checkout. Safe to repeat; a broken
    config is left as it is."""
    services = services_of(context)
    location = workspace.known_location
    async with _new_project(services, location, workspace.principal, name) as new:
        new_id = None if new is None else new.id
        work = partial(initialise, location, name=name, home=services.settings.home, new_id=new_id)
        done = await services.threads.run_bounded(location.directory.path, work)
    now = await _again(services, location)
    await services.resolver.admit(now.project, workspace.principal)
    await _note_project(services, workspace, now)
    return workspace_result(replace(workspace, location=now, project=now.project), done.message)


@asynccontextmanager
async def _new_project(
    services: Services, location: Location, principal: str | None, name: str | None
) -> AsyncIterator[Project | None]:
    """A new project whose admin is the principal, if `init_project` needs one; removed where no config got its id."""
    wanted = None if principal is None else await _wanted_project(services, location, name)
    if wanted is None:
        yield None
        return
    store = await services.projects.store(principal)
    new = await store.create_project(wanted)
    try:
        yield new
    except ConfigError:
        if await _wanted_project(services, await _again(services, location), name) is not None:
            await store.discard_project(new)
        raise
    named = (await _again(services, location)).project
    if named is not None and named.id != new.id:
        await store.discard_project(new)


async def _again(services: Services, location: Location) -> Location:
    return await services.resolver.locate(location.directory.path, location.directory.source)


async def _wanted_project(services: Services, location: Location, name: str | None) -> str | None:
    work = partial(new_project, location, name=name, home=services.settings.home)
    return await services.threads.run_bounded(location.directory.path, work)


async def _note_project(services: Services, workspace: Workspace, location: Location) -> None:
    session = None if workspace.session_key is None else await services.sessions.get_session(workspace.session_key)
    if session is not None and chosen_project(session) is None:
        project_id = None if location.project is None else location.project.id
        await services.sessions.set_project(session.session_id, config_path=location.config_path, project_id=project_id)


async def end_session(session: SessionArgument = None, context: Context = CurrentContext()) -> EndSessionResult:
    """Forget what was set for your session: its directory, and its handle if it has one."""
    services, caller = services_of(context), await _known_caller(context, session)
    key = session_key(caller)
    ended = key is not None and await services.sessions.end_session(key)
    return EndSessionResult(
        ended=ended, message="The session was forgotten." if ended else "Nothing had been set for this session."
    )


async def health_check(session: SessionArgument = None, context: Context = CurrentContext()) -> HealthResult:
    """Report the server's version, load and protocol, and this call's workspace. The status is ok, or
    degraded: other calls fail, and workspace_error or data_error says why."""
    services, call = services_of(context), call_of(context, session)
    workspace, workspace_error = await _workspace_or_error(services, call)
    data_error = await _data_error(services, workspace)
    return HealthResult(
        status="ok" if workspace_error is None and data_error is None else "degraded",
        version=__version__,
        pid=os.getpid(),
        started_at=at(services.stats.started_at),
        uptime_s=round(services.stats.uptime, 3),
        protocol=context.session.protocol_version,
        transport=call.caller.transport,
        sessions=await services.session_count(),
        calls=services.stats.calls,
        errors=services.stats.errors,
        config_cache=CacheResult(hits=services.configs.hits, misses=services.configs.misses),
        workspace=None if workspace is None else workspace_result(workspace),
        workspace_error=workspace_error,
        data_error=data_error,
    )


async def _workspace_or_error(services: Services, call: Call) -> tuple[Workspace | None, str | None]:
    try:
        return await services.resolver.require(call), None
    except WorkflowError as error:
        return None, str(error)


async def _data_error(services: Services, workspace: Workspace | None) -> str | None:
    try:
        await services.check_data()
        if workspace is not None and workspace.project is not None:
            await (await services.projects.store(workspace.principal)).check(workspace.project)
    except WorkflowError as error:
        return str(error)
    return None
