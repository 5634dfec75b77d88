"""Running git, where what it knows is in no file of a known form."""

from __future__ import annotations

import asyncio
import shutil

MAX_GIT_SECONDS = 3.0


async def git_says(*arguments: str) -> str | None:
    """What git prints, without white space around it; None when git is not there, fails or takes too long."""
    git = shutil.which("git")
    if git is None:
        return None
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        git, *arguments, stdin=null, stdout=asyncio.subprocess.PIPE, stderr=null
    )
    try:
        async with asyncio.timeout(MAX_GIT_SECONDS):
            out, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    return out.decode(errors="replace").strip() if process.returncode == 0 else None
