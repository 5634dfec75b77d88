"""`workflow-mcp database`, and what a server says at its start of a database that it cannot work with."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.clients.agents import make_project
from tests.clients.databases import Database
from tests.clients.postgresql import Server
from tests.clients.processes import Done, run
from tests.clients.shell import Shell
from tests.clients.stdio import environment
from workflow_mcp.errors import UsageError
from workflow_mcp.storage import kinds, tables
from workflow_mcp.storage.kinds import postgresql

SECRETS = ("p@ss", "p%40ss", "wrong-one")


def refused(done: Done, code: str) -> str:
    """The one line on stderr of a process that did not start."""
    assert done.stdout == ""
    assert done.stderr.startswith(f"{code}: "), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert " Next: " in done.stderr
    assert not [secret for secret in SECRETS if secret in done.stderr]
    return done.stderr


def served(folder: Path, url: str, *, over: str = "--stdio") -> Done:
    """A server at its start, whose client leaves at once."""
    env = environment(folder, WORKFLOW_MCP_DATABASE_URL=url)
    return run(["serve", *(["--http", "--port", "0"] if over == "--http" else [])], cwd=folder, env=env, given="")


def changed(url: str, **parts: str | int) -> str:
    """A URL with other parts."""
    return make_url(url).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]  # few parts


def migrated(folder: Path, database: Database) -> Done:
    """The command, as the owner."""
    urls = {"WORKFLOW_MCP_DATABASE_URL": database.url, "WORKFLOW_MCP_DATABASE_OWNER_URL": database.owner_url}
    return run(["database", "migrate"], cwd=folder, env=environment(folder, **urls))


@pytest.mark.parametrize("over", ["--stdio", "--http"])
def test_wrong_passwords(database: Database, tmp_path: Path, over: str) -> None:
    """One line that names the user, exit code 2, and no password, over each transport."""
    done = served(tmp_path, changed(database.url, password="wrong-one"), over=over)
    assert done.returncode == 2
    assert str(make_url(database.url).username) in refused(done, "STORE_REFUSED")


def test_databases_that_cannot_be_used(database: Database, postgresql: Server, tmp_path: Path) -> None:
    """No server, no such database, no rights to it, another encoding, a user who would see everything."""
    empty = postgresql.new_database()
    with postgresql.connected() as connection:
        at = make_url(database.url)
        latin = f"{make_url(empty.url).database}_latin"
        connection.execute(f"CREATE DATABASE {latin} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'".encode())
        connection.execute(f"REVOKE CONNECT ON DATABASE {make_url(empty.url).database} FROM PUBLIC".encode())
    try:
        wrong = {
            changed(database.url, port=1): "STORE_UNREACHABLE",
            changed(database.url, database="no_such"): "STORE_REFUSED",
            empty.url: "STORE_REFUSED",
            changed(database.url, database=latin): "STORE_UNSUITABLE",
            database.owner_url: "STORE_UNSUITABLE",
            database.admin_url: "STORE_UNSUITABLE",
            changed(database.admin_url, database="template1"): "STORE_UNSUITABLE",
            changed(database.url, database="template1"): "STORE_OLDER",
        }
        for url, code in wrong.items():
            done = served(tmp_path, url)
            assert done.returncode == 2
            assert ("`createdb`" in refused(done, code)) == ("no_such" in url)
        assert at.host is not None
    finally:
        with postgresql.connected() as connection:
            connection.execute(f"DROP DATABASE {latin}".encode())


def test_a_database_of_another_version(postgresql: Server, tmp_path: Path) -> None:
    """An older one names the command that mends it, which does; a newer one is refused by both."""
    database = postgresql.new_database()
    database.run("UPDATE alembic_version SET version_num = '9999'")
    assert "upgrade workflow-mcp" in refused(served(tmp_path, database.url), "STORE_NEWER")
    done = migrated(tmp_path, database)
    assert (done.returncode, refused(done, "STORE_NEWER")[:12]) == (1, "STORE_NEWER:")
    for name in [f'"{table.name}"' for table in reversed(tables.metadata.sorted_tables)]:
        database.run(f"DROP TABLE {name} CASCADE")
    database.run("DROP TABLE alembic_version")
    assert "`workflow-mcp database migrate`" in refused(served(tmp_path, database.url), "STORE_OLDER")
    user = make_url(database.url).username
    assert (
        migrated(tmp_path, database).stdout == f"The database has the format {tables.VERSION} now; {user} may use it.\n"
    )
    assert "has had the format" in migrated(tmp_path, database).stdout
    done = served(tmp_path, database.url)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_migrate_needs(database: Database, tmp_path: Path) -> None:
    """Both URLs, of two users, of whom the server's is there."""
    for given in ({}, {"WORKFLOW_MCP_DATABASE_URL": database.url}):
        done = run(["database", "migrate"], cwd=tmp_path, env=environment(tmp_path, **given))
        assert (done.returncode, refused(done, "SETTING_INVALID")[:7]) == (2, "SETTING")
    same = Database(database.owner_url, database.owner_url, "")
    assert "a user of the server's own" in refused(migrated(tmp_path, same), "SETTING_INVALID")
    nobody = Database(changed(database.url, username="nobody_here"), database.owner_url, "")
    assert "nobody_here" in refused(migrated(tmp_path, nobody), "STORE_REFUSED")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named with what installs it; another import that fails is no such thing."""

    def missing(name: str) -> None:
        raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")

    monkeypatch.setattr(kinds, "import_module", missing)
    with pytest.raises(UsageError, match=r"NO_DATABASE_DRIVER: .*workflow-mcp\[postgresql\]"):
        postgresql("store")

    def broken(name: str) -> None:
        raise ModuleNotFoundError("No module named 'x'", name="x")

    monkeypatch.setattr(kinds, "import_module", broken)
    with pytest.raises(ModuleNotFoundError):
        postgresql("store")


@pytest.fixture
def shell(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """A user in a project whose work is in the database; an older state of it is in files."""
    shell = Shell(tmp_path, make_project(tmp_path, "shop"), monkeypatch, capsys)
    shell.told("add", "in the file")
    monkeypatch.setenv("WORKFLOW_MCP_DATABASE_URL", database.url)
    shell.told("add", "in the database")
    return shell


def test_commands_that_are_about_files(shell: Shell, tmp_path: Path) -> None:
    """They say so, with the tool that does it for a database, and leave the files that are there alone."""
    before = sorted(path.name for path in (tmp_path / "data").rglob("*"))
    for arguments in (
        ["backup"], ["backup", "--all"], ["restore", "shop.db"], ["restore", "--empty"],
        ["projects", "delete", "shop"],
    ):  # fmt: skip
        assert shell.refused(*arguments) == "2 STORE_NOT_IN_FILES", arguments
    assert sorted(path.name for path in (tmp_path / "data").rglob("*")) == before
    assert "in the database" in shell.told("list")
    assert "in the file" not in shell.printed()


def test_projects_in_a_database(shell: Shell, tmp_path: Path) -> None:
    """They are listed, renamed, archived and listed again as those in files are, which stay as they were."""
    file = next((tmp_path / "data").rglob("*.db"))
    before = file.read_bytes()
    shell.told("add", "another")
    [found] = shell.data("projects")["projects"]
    assert (found["name"], found["state"]) == ("shop", "active")
    assert (found["items"], found["directory"], found["file"]) == (2, str(tmp_path / "shop"), None)
    assert f"2 items  changed {found['changed_at'][:10]} in {tmp_path / 'shop'}" in shell.told("projects", "list")
    assert shell.told("projects", "rename", found["id"][:8], "store").startswith("'shop' is 'store' now.")
    assert "is archived: lists" in shell.told("projects", "archive", "store")
    assert "archived already" in shell.told("projects", "archive", "store")
    assert shell.told("projects") == "1 archived or deleted: --all lists them too.\n"
    [archived] = shell.data("projects", "--all")["projects"]
    assert (archived["name"], archived["state"], archived["deleted_at"]) == ("store", "archived", None)
    notes = [step["detail"] for step in shell.data("doctor")["steps"] if step["step"] == "stored project"]
    assert [note.split(":")[0] for note in notes] == ["lists name it 'store', its config 'shop'", "it is archived"]
    assert "no longer archived" in shell.told("projects", "restore", "store")
    assert shell.refused("projects", "restore", "store") == "2 ARGUMENT_INVALID"
    assert shell.refused("projects", "rename", "shop", "x") == "1 PROJECT_UNKNOWN"
    assert [one["state"] for one in shell.data("projects")["projects"]] == ["active"]
    assert file.read_bytes() == before


def test_a_deletion_in_a_database(shell: Shell, tmp_path: Path) -> None:
    """It is refused in one line, which says that nothing was done and what keeps a copy."""
    done = run(["projects", "delete", "shop"], cwd=tmp_path, env={**os.environ})
    line = refused(done, "STORE_NOT_IN_FILES")
    assert "nothing was done" in line
    assert "pg_dump" in line
    assert "in the database" in shell.told("list")


def test_the_examination_of_a_database(shell: Shell, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """`doctor --store` tells whether servers can work with it, and what is in it; exit code 1 when they cannot."""
    found = shell.data("doctor", "--store")
    assert found["healthy"]
    assert f"format {tables.VERSION}, 1 projects" in found["steps"][0]["detail"]
    assert shell.data("doctor")["healthy"]
    monkeypatch.setenv("WORKFLOW_MCP_DATABASE_URL", changed(database.url, database="gone"))
    assert shell.run("doctor", "--store", "--json") == 1
    (step,) = json.loads(shell.printed())["steps"]
    assert step["verdict"] == "problem"
    assert step["detail"].startswith("STORE_REFUSED: ")


def test_what_claude_code_is_told_without_a_server(shell: Shell, database: Database, tmp_path: Path) -> None:
    """The project's name, and nothing of the older state in files."""
    env = environment(tmp_path, WORKFLOW_MCP_DATABASE_URL=database.url)
    for command in ("hook", "statusline"):
        told = run([command], cwd=tmp_path / "shop", env=env, given="{}").stdout
        assert "shop" in told
        assert "in the file" not in told
        assert "ready" not in told
