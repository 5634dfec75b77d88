"""`workflow-mcp members`: who is let into a project and out of it, by whoever may use the data."""

from __future__ import annotations

from pathlib import Path

from tests.clients.agents import make_project
from tests.clients.shell import Shell
from tests.server.tools.test_projects import id_in


def test_members_are_let_in_and_out(folder: Path, shell: Shell) -> None:
    """People and programs are told the same, of a project that nobody has worked in before too."""
    assert shell.told("members") == "shop: no members\n"
    assert not (folder.parent / "data" / "projects").exists(), "looking makes nothing"
    project = {"id": id_in(folder), "name": "shop"}
    added = shell.data("members", "add", "auth0|4f", "--role", "admin")
    assert added == {"project": project, "principal": "auth0|4f", "role": "admin", "before": None}
    assert shell.told("members", "add", "bob") == "shop: 'bob' has the role write\n"
    assert shell.told("members", "add", "bob", "--role", "read") == "shop: 'bob' has the role read, not write\n"
    listed = [{"principal": "auth0|4f", "role": "admin"}, {"principal": "bob", "role": "read"}]
    for command in (["members"], ["members", "list"], ["members", "--project", "shop", "--directory", "/"]):
        assert shell.data(*command) == {"project": project, "members": listed}
    assert shell.data("members", "remove", "bob") == {"project": project, "principal": "bob", "role": None}
    assert shell.told("members", "--project", str(id_in(folder))) == "shop: 1 member\n  auth0|4f  admin\n"
    assert shell.told("members", "add", "cem", "--role", "admin").endswith("admin\n")
    assert shell.told("members", "remove", "auth0|4f") == "shop: 'auth0|4f' is a member no longer\n"


def test_a_config_without_an_id_gets_one_with_the_first_member(tmp_path: Path, shell: Shell) -> None:
    """The project is made by it, for without one nobody can be its member; a look makes none."""
    folder = make_project(tmp_path, "by-hand", with_id=False)
    assert shell.told("members", "--directory", str(folder)) == "by-hand: no members\n"
    assert shell.refused("members", "remove", "ana", "--directory", str(folder)) == "1 MEMBER_UNKNOWN"
    assert id_in(folder) is None
    added = shell.data("members", "add", "ana", "--directory", str(folder))
    assert added["project"] == {"id": id_in(folder), "name": "by-hand"}
    assert id_in(folder) is not None


def test_what_is_refused(tmp_path: Path, folder: Path, shell: Shell) -> None:
    """The last admin, who is no member, names that nobody can have, and projects that are not there."""
    shell.told("members", "add", "ana", "--role", "admin")
    tried = make_project(tmp_path, "tried", dry_run=True)
    for refusal, *arguments in (
        ("1 ADMIN_REQUIRED", "remove", "ana"),
        ("1 ADMIN_REQUIRED", "add", "ana", "--role", "write"),
        ("1 MEMBER_UNKNOWN", "remove", "bob"),
        ("2 NAME_INVALID", "add", ""),
        ("2 NAME_INVALID", "add", "two\nlines"),
        ("2 NAME_INVALID", "add", "a" * 256),
        ("1 PROJECT_UNKNOWN", "add", "bob", "--project", "nothing"),
        ("1 PROJECT_UNKNOWN", "list", "--project", "00000000-0000-4000-8000-000000000000"),
        ("1 DRY_RUN", "add", "bob", "--directory", str(tried)),
        ("1 NO_PROJECT", "list", "--directory", str(tmp_path)),
    ):
        assert shell.refused("members", *arguments) == refusal
    assert shell.data("members")["members"] == [{"principal": "ana", "role": "admin"}]
    assert [path.stem for path in (tmp_path / "data" / "projects").glob("*.db")] == [id_in(folder)]


def test_members_are_in_backups_and_not_in_exports(tmp_path: Path, shell: Shell) -> None:
    """A backup brings back who was a member; an import lets nobody in."""
    shell.told("add", "one")
    shell.told("members", "add", "ana", "--role", "admin")
    backup, exported = tmp_path / "backup.db", tmp_path / "exported.jsonl"
    shell.told("backup", str(backup))
    exported.write_text(shell.told("export"), encoding="utf-8")
    assert "ana" not in exported.read_text()
    shell.told("members", "add", "bob")
    shell.told("restore", str(backup))
    assert shell.data("members")["members"] == [{"principal": "ana", "role": "admin"}]
    other = make_project(tmp_path, "other")
    shell.told("import", str(exported), "--directory", str(other))
    assert shell.data("members", "--directory", str(other))["members"] == []
