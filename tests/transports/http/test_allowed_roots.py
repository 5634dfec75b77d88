"""`WORKFLOW_MCP_ALLOWED_ROOTS`: no header, root, handle or link leads out of them."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.clients.http import HttpClient
from tests.clients.protocol import Answer, Era
from tests.clients.served import Served, serving
from tests.support import config_text, posix_only, write_config
from tests.transports.http.test_handles import minted

pytestmark = posix_only
NAME = "X-Workflow-Directory"
REFUSAL = (
    "WORKFLOW_MCP_ALLOWED_ROOTS. Next: use a directory inside them, or ask whoever runs the server to allow this one."
)


@pytest.fixture(scope="module")
def confined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    """A server that allows only `base/inside`, where `base/outside` has a project of that name."""
    base = tmp_path_factory.mktemp("confined")
    for name in ("inside", "outside", "inside-not"):
        (base / name / "sub").mkdir(parents=True)
        write_config(base / name, config_text(name, project_id=None))
    (base / "inside" / ".git").mkdir()
    (base / "inside" / "link").symlink_to(base / "outside")
    (base / "inside" / "up").symlink_to("..")
    (base / "inside" / "relative").symlink_to("../outside/sub")
    (base / "into").symlink_to(base / "inside")
    with serving(base / "home", WORKFLOW_MCP_ALLOWED_ROOTS=str(base / "inside")) as served:
        yield served, base


async def answers(url: str, era: Era, directory: str) -> list[Answer]:
    """What each way of naming a directory gets."""
    async with (
        HttpClient(url, era, ((NAME, quote(directory)),)) as with_header,
        HttpClient(url, era, roots=lambda: [f"file://{quote(directory)}"]) as with_roots,
    ):
        return [
            await with_header.call("get_working_directory"),
            await with_header.call("init_project"),
            await with_roots.call("get_working_directory"),
            await with_roots.call("init_project"),
            await with_header.call("set_working_directory", directory=directory),
            await with_header.call("set_working_directory", directory=directory, new_session=True),
        ]


@pytest.mark.parametrize(
    "way",
    [
        "outside", "outside/sub", "inside-not", ".", "inside/..", "inside/../outside", "inside/sub/../../outside",
        "inside/link", "inside/link/sub", "inside/up", "inside/up/outside", "inside/relative", "inside/up/inside/link",
        "inside/./../outside/", "no-such", "outside/no-such", "outside/.workflow-mcp/config.json",
        "inside/link/no", "../../../../../../../../",
    ],
)  # fmt: skip
async def test_no_way_out(confined: tuple[Served, Path], era: Era, way: str) -> None:
    """Neither `..` nor a symlink, nor a name that begins alike, leads out; nothing is written, no project named.

    What is not there gets the same refusal as what is: nobody can look around outside.
    """
    served, base = confined
    before = (base / "outside" / ".workflow-mcp" / "config.json").read_bytes()
    for answer in await answers(served.url, era, f"{base}/{way}"):
        assert answer.code == "DIRECTORY_NOT_ALLOWED"
        assert answer.text.partition(" is not inside ")[2] == REFUSAL
    assert (base / "outside" / ".workflow-mcp" / "config.json").read_bytes() == before
    assert not (base / ".workflow-mcp").exists()


@pytest.mark.parametrize(
    "way", ["inside", "inside/", "inside/sub", "inside/sub/..", "into", "into/sub", "inside/up/inside"]
)
async def test_ways_that_stay_inside(confined: tuple[Served, Path], era: Era, way: str) -> None:
    """A way that ends inside is allowed, through symlinks and `..` too, and finds the project inside."""
    served, base = confined
    for answer in await answers(served.url, era, f"{base}/{way}"):
        assert not answer.is_error, answer
        assert answer.data["project"]["name"] == "inside"


async def test_a_config_above_the_root_does_not_count(confined: tuple[Served, Path], era: Era) -> None:
    """The search for a config ends at the allowed root: one that lies above it is nobody's."""
    served, base = confined
    (base / "inside" / "bare").mkdir(exist_ok=True)
    write_config(base, config_text("above", project_id=None))
    try:
        async with HttpClient(served.url, era, ((NAME, f"{base}/inside/bare"),)) as client:
            assert (await client.call("get_working_directory")).data["project"]["name"] == "inside"
    finally:
        (base / ".workflow-mcp" / "config.json").unlink()
        (base / ".workflow-mcp").rmdir()


async def test_a_config_that_is_a_link_to_the_outside(confined: tuple[Served, Path], era: Era) -> None:
    """A config inside that links to one outside is refused, and its target is not written to."""
    served, base = confined
    (base / "inside" / "tricky" / ".workflow-mcp").mkdir(parents=True, exist_ok=True)
    target = base / "outside" / ".workflow-mcp" / "config.json"
    before = target.read_bytes()
    with contextlib.suppress(FileExistsError):
        (base / "inside" / "tricky" / ".workflow-mcp" / "config.json").symlink_to(target)
    async with HttpClient(served.url, era, ((NAME, f"{base}/inside/tricky"),)) as client:
        for tool in ("get_working_directory", "init_project"):
            answer = await client.call(tool)
            assert answer.is_error
            assert "eca49f13" not in answer.text
    assert target.read_bytes() == before


async def test_a_handle_whose_directory_has_become_a_link(confined: tuple[Served, Path], era: Era) -> None:
    """What was checked when it was set is checked again when it is used."""
    served, base = confined
    directory = base / "inside" / f"later-{era}"
    directory.mkdir()
    async with HttpClient(served.url, era) as client:
        handle = await minted(client, directory)
        directory.rmdir()
        directory.symlink_to(base / "outside")
        for tool in ("get_working_directory", "init_project"):
            assert (await client.call(tool, session=handle)).code == "DIRECTORY_NOT_ALLOWED"


# Each swaps `place` for ever, in a process of its own: a thread would mostly hold up its own client.
SWAPS = {
    "link": """
while True:
    for target in (outside, inside):
        os.symlink(target, place + "-new")
        os.replace(place + "-new", place)
    rest()
""",
    "folder": """
while True:
    os.rename(place, place + "-away")
    os.symlink(outside, place)
    os.unlink(place)
    os.rename(place + "-away", place)
    rest()
""",
}


RESTING = """
def rest():
    end = time.perf_counter() + random.uniform(0, 0.002)
    while time.perf_counter() < end:
        pass
"""


@contextlib.contextmanager
def swapping(swap: str, place: Path, inside: Path, outside: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that swaps and rests inside for up to 2 ms, about as long as a call takes."""
    program = f"import os, random, sys, time\nplace, inside, outside = sys.argv[1:]\n{RESTING}{SWAPS[swap]}"
    command = [sys.executable, "-S", "-c", program, *map(str, (place, inside, outside))]
    with subprocess.Popen(command) as swapper:
        try:
            yield swapper
        finally:
            swapper.kill()


async def race(served: Served, base: Path, era: Era, swap: str, *, calls: int) -> None:
    """Call for a directory that is swapped until it was `calls` times found and as often refused."""
    place, inside, outside = base / "inside" / f"{swap}-{calls}-{era}", base / "inside" / "real", base / "outside"
    secret = outside / ".workflow-mcp" / "config.json"
    before, met = secret.read_bytes(), {"found": 0, "refused": 0}
    inside.mkdir(exist_ok=True)
    if swap == "link":
        place.symlink_to(inside)
    else:
        place.mkdir()
    with swapping(swap, place, inside, outside) as swapper:
        async with HttpClient(served.url, era, ((NAME, str(place)),)) as client:
            while min(met.values()) < calls:
                for tool in ("get_working_directory", "init_project"):
                    answer = await client.call(tool)
                    met["refused" if answer.is_error else "found"] += 1
                    assert answer.is_error or answer.data["project"]["name"] == "inside", answer
                    assert swapper.poll() is None
                    assert answer.is_error or str(outside) not in answer.data["config_path"]
    assert secret.read_bytes() == before


@pytest.mark.parametrize("swap", SWAPS)
async def test_a_place_that_is_swapped(confined: tuple[Served, Path], era: Era, swap: str) -> None:
    """What is swapped between check and use leads to the project inside or to a refusal, never outside."""
    async with asyncio.timeout(50):
        await race(*confined, era, swap, calls=12)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("swap", SWAPS)
async def test_a_place_that_is_swapped_for_long(confined: tuple[Served, Path], era: Era, swap: str) -> None:
    """The same until it was found and refused five hundred times each, in some ten thousand calls."""
    await race(*confined, era, swap, calls=500)
