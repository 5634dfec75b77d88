"""The config: each field's bounds, which file applies, and what is remembered of it."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import BOUND, PROJECT_ID, config_text, posix_only, unprivileged, write_config
from workflow_mcp.errors import ConfigError
from workflow_mcp.work.json_text import strict_json
from workflow_mcp.workspace import config_model
from workflow_mcp.workspace.config import Config, is_config, parse_config
from workflow_mcp.workspace.config_cache import MAX_CACHED_CONFIGS, ConfigCache
from workflow_mcp.workspace.discovery import candidates, config_path_in, find_config

ANONYMOUS = frozenset[int]()
HOME = "/home/nobody-here"


def parsed(text: str | bytes) -> Config:
    """The config a text is."""
    return parse_config("/p/config.json", text.encode() if isinstance(text, str) else text)


def refused(text: str | bytes) -> str:
    """The one line with which a text is refused; the file is in it, and what to do."""
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    line = str(caught.value)
    assert caught.value.code == "CONFIG_INVALID"
    assert "/p/config.json" in line
    assert "Next: " in line
    assert len(line.splitlines()) == 1
    assert len(line) < 1000
    line.encode()
    return line


def with_extra(text: str) -> str:
    """A config with an unknown key whose value is this text."""
    return '{"project": {"name": "p"}, "x": ' + text + "}"


def outcome(data: bytes) -> str:
    """The name in a config, or the line with which it is refused."""
    try:
        return parsed(data).project.name
    except ConfigError as error:
        return str(error)


def project(**members: Any) -> str:
    """A config whose project has these members."""
    return json.dumps({"project": members})


def test_the_design_s_example_is_a_config() -> None:
    """What the design shows is read as it says."""
    config = parsed(
        '{"version": "1.0", "project": {"name": "codebase-mcp", "id": "eca49f13-f342-4958-95a0-d7b9ba2a42eb"},'
        ' "auto_switch": true, "strict_mode": false, "dry_run": false, "description": "…"}'
    )
    assert (config.project.name, config.project.id, config.description) == ("codebase-mcp", PROJECT_ID, "…")


def test_a_name_is_enough() -> None:
    """Everything but the name has a default: use it, be lenient, write."""
    config = parsed(project(name="p"))
    assert (config.project.id, config.description) == (None, None)
    assert (config.auto_switch, config.strict_mode, config.dry_run) == (True, False, False)


@pytest.mark.parametrize("name", ["x", "x" * 255, "ü", "日" * 255, "a b", "a#%/\\'\"", "🦊"])
def test_good_names(name: str) -> None:
    """1 to 255 printable characters, whatever they are."""
    assert parsed(project(name=name)).project.name == name


@pytest.mark.parametrize(
    "name", ["", " ", "   ", "x" * 256, "a\nb", "a\tb", "\0", "\u202e", "\u200b", "\x7f", 5, None, True, [], {}]
)
def test_bad_names_are_refused_by_field(name: object) -> None:
    """A name that is empty, too long, blank, not printable or not text names its field."""
    assert "project.name" in refused(project(name=name))


@pytest.mark.parametrize(
    "value",
    [PROJECT_ID, PROJECT_ID.upper(), PROJECT_ID.replace("-", ""), f"{{{PROJECT_ID}}}", f"urn:uuid:{PROJECT_ID}"],
)
def test_an_id_is_one_uuid_however_it_is_written(value: str) -> None:
    """Every spelling of a UUID is that UUID."""
    assert parsed(project(name="p", id=value)).project.id == PROJECT_ID


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        PROJECT_ID[:-1],
        PROJECT_ID + "0",
        PROJECT_ID[:-1] + "g",
        "_".join(("1" * 15, "1" * 16)),
        "+" + "1" * 31,
        " " + "1" * 31,
        "\u0661" * 32,
        5,
        True,
        [],
    ],
)
def test_what_is_no_uuid_is_refused(value: object) -> None:
    """Thirty-two hexadecimal digits, and nothing else that some parser takes for them."""
    assert "project.id" in refused(project(name="p", id=value))


@pytest.mark.parametrize("field", ["auto_switch", "strict_mode", "dry_run"])
@pytest.mark.parametrize("value", ["true", 1, 0, None, "", [], 1.0])
def test_switches_are_true_or_false(field: str, value: object) -> None:
    """Nothing that merely looks like a boolean is one."""
    assert field in refused(json.dumps({"project": {"name": "p"}, field: value}))


@pytest.mark.parametrize("value", ["2.0", "1", 1.0, None, ""])
def test_another_version_is_refused(value: object) -> None:
    """A format that this program does not know is not guessed at; the error says what is allowed."""
    line = refused(json.dumps({"version": value, "project": {"name": "p"}}))
    assert "version" in line
    assert "1.0" in line


@pytest.mark.parametrize("value", [5, [], {}, True])
def test_a_description_is_text(value: object) -> None:
    """A description is text or null."""
    assert "description" in refused(config_text(description=value))
    assert parsed(config_text(description=None)).description is None


@pytest.mark.parametrize("text", ["{}", '{"project": null}', '{"project": []}', '{"project": "p"}', '{"project": {}}'])
def test_a_config_without_a_project_s_name_is_refused(text: str) -> None:
    """A config names a project."""
    assert "project" in refused(text)


def test_a_byte_order_mark_is_accepted() -> None:
    """What Windows editors put before UTF-8 is passed over; two of them are not JSON."""
    assert parsed(b"\xef\xbb\xbf" + config_text().encode()).project.id == PROJECT_ID
    refused(b"\xef\xbb\xbf\xef\xbb\xbf" + config_text().encode())


@pytest.mark.parametrize("text", ["", " ", "null", "[]", "5", '"text"', "true", "[{}]", "\0"])
def test_a_root_that_is_no_object_is_refused(text: str) -> None:
    """A config is a JSON object."""
    line = refused(text)
    assert "must be a JSON object" in line or "Expecting value" in line


@pytest.mark.parametrize("data", [b"\xff\xfe{\0}\0", b'{"a": "\xff"}', b"\xc3", config_text().encode("utf-16")])
def test_other_encodings_are_refused(data: bytes) -> None:
    """A config is UTF-8; the error says which byte is not."""
    assert "UTF-8" in refused(data)


def test_what_is_not_json_is_refused_with_its_place() -> None:
    """Line and column of the first mistake are told."""
    line = refused('{\n  "project": {"name": "p"},\n}')
    assert "line 3" in line or "line 2" in line
    assert "line 2, column 3" in refused('{\n  project: {"name": "p"}}')


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_that_json_has_not_are_refused(constant: str) -> None:
    """Neither Python's constants nor a number that would become one when it is written back."""
    line = refused(with_extra(constant))
    assert f"{constant} is not JSON" in line or f"'{constant}' is too large a number" in line


def test_a_number_of_any_length_ends_in_an_answer() -> None:
    """Sixty thousand digits are an error, not a computation."""
    assert "60000 digits" in refused(with_extra("9" * 60_000))


@pytest.mark.parametrize(
    "text",
    [
        '{"project": {"name": "a"}, "project": {"name": "b"}}',
        '{"project": {"name": "a", "name": "b"}}',
        '{"project": {"name": "a"}, "x": {"y": 1, "y": 1}}',
    ],
)
def test_a_key_that_appears_twice_is_refused(text: str) -> None:
    """Of two values neither is chosen; the key is named."""
    assert "twice" in refused(text)


def test_finding_the_key_that_appears_twice_takes_linear_time() -> None:
    """A text full of keys is looked through once: comparing each of so many with each other would not end."""
    keys = ",".join(f'"{number:x}":0' for number in range(400_000))
    with pytest.raises(ValueError, match="the key '1963' appears twice"):
        strict_json("{" + keys + ',"1963":0}')


@pytest.mark.parametrize("depth", [100_000, 32_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_is_refused(depth: int, opening: str, closing: str) -> None:
    """A hundred thousand brackets, or as many as fit into 64 KiB, closed or not, end in an error."""
    inner = opening * depth + "0" + closing * depth
    for text in (opening * depth, inner, with_extra(inner)):
        assert "nested too deeply" in refused(text)


@pytest.mark.parametrize(
    "place", ['{"project": %s}', '{"project": {"name": "p"}, "x": %s, "dry_run": 5}', '{"version": %s}']
)
def test_nesting_of_any_depth_is_a_config_or_an_error(place: str) -> None:
    """On the edge of what can be parsed, telling about it does not fail either."""
    edge = sys.getrecursionlimit()
    for depth in [*range(1, edge - 200, 97), *range(edge - 200, edge + 20)]:
        refused(place % ("[" * depth + "]" * depth))


@given(st.text() | st.binary())
def test_any_content_is_a_config_or_an_error(content: str | bytes) -> None:
    """Nothing but a `ConfigError` ever comes of a content."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    assert len(outcome(data).splitlines()) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["version", "project", "auto_switch", "x"]), JSON))
def test_any_object_is_a_config_or_an_error(members: dict[str, Any]) -> None:
    """Whatever stands in the fields, the answer is a config with a printable name or one line."""
    assert len(outcome(json.dumps(members).encode()).splitlines()) == 1


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "version": st.sampled_from(["1.0", "1.1", None, 1.0]),
        "auto_switch": st.sampled_from([True, False, None, 1, "true"]),
        "strict_mode": st.booleans() | st.none() | st.integers(0, 1),
        "dry_run": st.booleans() | st.text(max_size=1),
        "require_evidence": st.booleans() | st.text(max_size=1),
        "description": st.none() | st.text(max_size=5) | st.integers(),
        "more": st.none(),
    },
)
NAMES = st.text(max_size=3) | st.sampled_from([None, 1, "a" * 255, "a" * 256, " ", "a\n", "\u202e", "名前"])
SPELLINGS = [PROJECT_ID, PROJECT_ID.upper(), PROJECT_ID.replace("-", ""), f"{{{PROJECT_ID}}}", f"urn:uuid:{PROJECT_ID}"]
IDS = st.sampled_from([*SPELLINGS, "", "x", "1_" * 16, None, 7])
PROJECTS = st.fixed_dictionaries({}, optional={"name": NAMES, "id": IDS, "more": st.integers()})
ODD_KEYS = st.dictionaries(st.text(st.characters(), max_size=2), st.none(), max_size=1)


@given(FIELDS, PROJECTS | st.sampled_from([None, [], "demo"]), ODD_KEYS)
def test_a_config_is_what_the_model_takes(fields: dict[str, Any], project: Any, odd: dict[str, None]) -> None:
    """Of each the same config; and none that the model refuses, whose errors and schema people see."""
    members = {**odd, **fields, "project": project}
    try:
        model = config_model.Config.model_validate(members)
    except ValueError:
        assert not is_config(members)
        return
    assert is_config(members)
    named, taken = model.project, parsed(json.dumps(members))
    assert (taken.project.name, taken.project.id) == (named.name, named.id)
    for field in ("auto_switch", "strict_mode", "dry_run", "require_evidence", "description"):
        assert getattr(taken, field) == getattr(model, field)


def test_unknown_keys_are_allowed() -> None:
    """A key that this version does not know is no mistake."""
    assert parsed(config_text(later={"a": [1, 2]})).project.id == PROJECT_ID


def test_the_schema_says_the_same_as_the_model() -> None:
    """The JSON Schema names its dialect, every field and the name's bounds, and what it shows is a config."""
    schema = config_model.config_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    switches = {"auto_switch", "strict_mode", "dry_run", "require_evidence"}
    assert set(schema["properties"]) == {"version", "project", "description"} | switches
    assert schema["required"] == ["project"]
    name = schema["$defs"]["ProjectConfig"]["properties"]["name"]
    assert (name["minLength"], name["maxLength"]) == (1, 255)
    json.dumps(schema)


def load(cache: ConfigCache, path: str) -> str:
    """The name of the project a file names."""
    return cache.load(path, owners=ANONYMOUS).project.name


def settle(path: str) -> None:
    """Let the file be one that was not written just now."""
    os.utime(path, ns=(time.time_ns() - 10**10, time.time_ns() - 10**10))


def test_an_unchanged_file_is_parsed_once(tmp_path: Path) -> None:
    """A file that has not changed for a while is not parsed again, and both are counted."""
    path, cache = write_config(tmp_path), ConfigCache()
    deadline = time.monotonic() + BOUND
    while not cache.hits:  # a file that was written just now is read again, see below
        assert load(cache, path) == "codebase-mcp"
        assert time.monotonic() < deadline
    assert cache.misses >= 1


@pytest.mark.parametrize("turn", range(5))
def test_every_edit_is_seen_by_the_next_call(tmp_path: Path, turn: int) -> None:
    """However fast edits follow one another, of whatever size, the next load sees them."""
    path, cache = write_config(tmp_path), ConfigCache()
    for number in range(20):
        write_config(tmp_path, config_text(f"p{number % 10}"))
        assert load(cache, path) == f"p{number % 10}"


def test_an_edit_under_a_restored_mtime_is_seen(tmp_path: Path) -> None:
    """Same size, same inode, same mtime: the change is seen all the same."""
    path, cache = write_config(tmp_path, config_text("aaa")), ConfigCache()
    settle(path)
    before = os.stat(path)
    assert load(cache, path) == "aaa"
    write_config(tmp_path, config_text("bbb"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = os.stat(path)
    assert (before.st_size, before.st_ino, before.st_mtime_ns) == (after.st_size, after.st_ino, after.st_mtime_ns)
    assert load(cache, path) == "bbb"


def test_a_file_replaced_by_another_is_seen(tmp_path: Path) -> None:
    """A rename over the file, with size and times kept, is a change."""
    path, cache = write_config(tmp_path, config_text("aaa")), ConfigCache()
    assert load(cache, path) == "aaa"
    other = tmp_path / "other"
    other.write_text(config_text("bbb"))
    before = os.stat(path)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert load(cache, path) == "bbb"


def test_a_link_pointed_elsewhere_is_seen(tmp_path: Path) -> None:
    """A config that is a link is the file it leads to now."""
    for name in ("aaa", "bbb"):
        write_config(tmp_path / name, config_text(name))
    link, cache = tmp_path / "link.json", ConfigCache()
    for name in ("aaa", "bbb", "aaa"):
        link.unlink(missing_ok=True)
        link.symlink_to(config_path_in(str(tmp_path / name)))
        assert load(cache, str(link)) == name


def test_a_broken_edit_is_an_error_and_mended_by_the_next(tmp_path: Path) -> None:
    """What was good before does not answer for what is broken now, and breaking is not remembered."""
    path, cache = write_config(tmp_path, config_text("aaa")), ConfigCache()
    assert load(cache, path) == "aaa"
    write_config(tmp_path, "{")
    for _ in range(2):
        with pytest.raises(ConfigError):
            load(cache, path)
    write_config(tmp_path, config_text("bbb"))
    assert load(cache, path) == "bbb"
    os.unlink(path)
    with pytest.raises(ConfigError):
        load(cache, path)


def test_two_files_are_two_configs(tmp_path: Path) -> None:
    """Identical in size and time, two paths are never taken for one another."""
    cache = ConfigCache()
    paths = {name: write_config(tmp_path / name, config_text(name)) for name in ("aaa", "bbb", "ccc")}
    for path in paths.values():
        os.utime(path, ns=(10**18, 10**18))
    for _ in range(3):
        assert {name: load(cache, path) for name, path in paths.items()} == {name: name for name in paths}


def test_the_cache_has_an_end(tmp_path: Path) -> None:
    """However many configs are asked for, a bounded number of them is kept."""
    cache = ConfigCache()
    write_config(tmp_path)
    target = config_path_in(str(tmp_path))
    settle(target)
    for number in range(MAX_CACHED_CONFIGS + 10):
        cache.load(
            f"{tmp_path}/.workflow-mcp/{'./' * (number % 60)}{'../.workflow-mcp/' * (number // 60)}config.json",
            owners=ANONYMOUS,
        )
    assert len(cache._parsed) <= MAX_CACHED_CONFIGS


def test_many_threads_load_the_same(tmp_path: Path) -> None:
    """Threads that load while the file is edited each get a config that was there."""
    path, cache, wrong = write_config(tmp_path, config_text("p0")), ConfigCache(), list[str]()
    done = threading.Event()

    def reader() -> None:
        while not done.is_set():
            name = load(cache, path)
            if name not in {"p0", "p1"}:
                wrong.append(name)

    threads = [threading.Thread(target=reader, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(60):
        replacement = tmp_path / "new"
        replacement.write_text(config_text(f"p{number % 2}"))
        replacement.replace(path)
    done.set()
    for thread in threads:
        thread.join(BOUND)
    assert wrong == []
    assert load(cache, path) == "p1"


def found(directory: Path | str, *, home: str = HOME, within: str | None = None) -> str | None:
    """The config that applies in a directory."""
    return find_config(str(directory), os.path.realpath(directory), home=home, within=within)


def test_the_nearest_config_applies(tmp_path: Path) -> None:
    """Upwards from the directory, the first one that is there; a nearer one that appears counts at once."""
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    assert found(deep) is None
    for holder in (tmp_path, tmp_path / "a", deep):
        path = write_config(holder)
        assert found(deep) == path
    os.unlink(path)
    assert found(deep) == config_path_in(str(tmp_path / "a"))


def test_forty_levels_up(tmp_path: Path) -> None:
    """However deep the directory, the config is found."""
    deep = tmp_path / "/".join(f"level{number}" for number in range(40))
    deep.mkdir(parents=True)
    path = write_config(tmp_path)
    assert found(deep) == path


def test_a_broken_config_is_not_passed_over(tmp_path: Path) -> None:
    """Whatever is in its place, the nearest one is the one that applies."""
    write_config(tmp_path)
    nearest = tmp_path / "a" / ".workflow-mcp" / "config.json"
    nearest.parent.mkdir(parents=True)
    nearest.write_text("{")
    assert found(tmp_path / "a") == str(nearest)
    nearest.unlink()
    nearest.mkdir()
    assert found(tmp_path / "a") == str(nearest)
    nearest.rmdir()
    nearest.symlink_to(tmp_path / "nothing")
    assert found(tmp_path / "a") == str(nearest)


def test_a_config_folder_that_is_a_dangling_link_is_an_error(tmp_path: Path) -> None:
    """A folder of the config that is not there at the moment does not let the next project up answer."""
    write_config(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".workflow-mcp").symlink_to(tmp_path / "not-mounted")
    with pytest.raises(ConfigError) as caught:
        found(tmp_path / "a")
    assert caught.value.code == "CONFIG_NOT_FOUND"


@pytest.mark.parametrize("is_link", [False, True])
def test_an_empty_config_folder_is_no_config(tmp_path: Path, is_link: bool) -> None:
    """A folder without the file, or a link to one, says nothing."""
    path = write_config(tmp_path)
    (tmp_path / "a").mkdir()
    if is_link:
        (tmp_path / "empty").mkdir()
        (tmp_path / "a" / ".workflow-mcp").symlink_to(tmp_path / "empty")
    else:
        (tmp_path / "a" / ".workflow-mcp").mkdir()
    assert found(tmp_path / "a") == path


@posix_only
def test_a_config_folder_that_cannot_be_entered_is_an_error(tmp_path: Path) -> None:
    """Where it cannot be told whether there is a config, no other one answers."""
    (tmp_path / ".workflow-mcp").mkdir(mode=0)
    with pytest.raises(ConfigError) as caught:
        unprivileged(lambda: found(tmp_path))
    assert caught.value.code == "CONFIG_UNREADABLE"


def test_through_a_link_the_path_as_given_comes_first(tmp_path: Path) -> None:
    """Entered through a link, the configs above the link count before those above its target, and both count."""
    (tmp_path / "real" / "sub").mkdir(parents=True)
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "link").symlink_to(tmp_path / "real" / "sub")
    by_target = write_config(tmp_path / "real")
    assert found(tmp_path / "given" / "link") == by_target
    by_name = write_config(tmp_path / "given")
    assert found(tmp_path / "given" / "link") == by_name


def test_the_home_s_own_config_counts_only_at_home(tmp_path: Path) -> None:
    """Below the home directory its own config does not apply; in it, it does; above it, others may."""
    home = tmp_path / "home"
    (home / "work" / "p").mkdir(parents=True)
    at_home = write_config(home)
    assert found(home / "work" / "p", home=str(home)) is None
    assert found(home, home=str(home)) == at_home
    above = write_config(tmp_path)
    assert found(home / "work" / "p", home=str(home)) == above
    below = write_config(home / "work")
    assert found(home / "work" / "p", home=str(home)) == below


@pytest.mark.parametrize("alias", ["home", "parent"])
def test_the_home_is_the_home_by_every_name(tmp_path: Path, alias: str) -> None:
    """A link to the home directory, or to what holds it, does not make its own config a project's."""
    home = tmp_path / "users" / "ann"
    (home / "work").mkdir(parents=True)
    write_config(home)
    if alias == "home":
        (tmp_path / "alias").symlink_to(home)
        entered = tmp_path / "alias" / "work"
    else:
        (tmp_path / "alias").symlink_to(tmp_path / "users")
        entered = tmp_path / "alias" / "ann" / "work"
    assert found(entered, home=str(home)) is None
    assert found(entered.parent, home=str(home)) == config_path_in(str(entered.parent))


def test_a_home_that_is_a_link(tmp_path: Path) -> None:
    """With a home that is a link, its config counts under neither name from below."""
    (tmp_path / "real" / "work").mkdir(parents=True)
    (tmp_path / "home").symlink_to(tmp_path / "real")
    write_config(tmp_path / "real")
    for entered in (tmp_path / "home" / "work", tmp_path / "real" / "work"):
        assert found(entered, home=str(tmp_path / "home")) is None


@posix_only
def test_the_root_counts_only_at_the_root() -> None:
    """The root's own config is looked for from the root alone."""
    assert list(candidates("/a/b", "/a/b", home=HOME)) == ["/a/b", "/a"]
    assert list(candidates("/", "/", home=HOME)) == ["/"]
    assert list(candidates(HOME, HOME, home=HOME)) == [HOME, "/home"]


@posix_only
def test_each_directory_is_looked_at_once() -> None:
    """Where the given and the resolved path meet, nothing is asked twice; outside the allowed root nothing is."""
    assert list(candidates("/l/x", "/a/b", home=HOME)) == ["/l/x", "/l", "/a/b", "/a"]
    assert list(candidates("/a/l", "/a/b", home=HOME)) == ["/a/l", "/a", "/a/b"]
    assert list(candidates("/a/b/c", "/a/b/c", home=HOME, within="/a/b")) == ["/a/b/c", "/a/b"]
    assert list(candidates("/ab", "/ab", home=HOME, within="/a")) == []


@pytest.mark.parametrize("name", ["a b", "a#b", "a%20b", "ü", "new\nline"])
def test_odd_names_hold_configs(tmp_path: Path, name: str) -> None:
    """Spaces, `#`, `%`, umlauts and newlines in a name change nothing."""
    if os.name != "posix" and not name.isprintable():
        pytest.skip("no such names here")
    path = write_config(tmp_path / name, config_text(name if name.isprintable() else "p"))
    assert found(tmp_path / name) == path
    assert str(UUID(ConfigCache().load(path, owners=ANONYMOUS).project.id)) == PROJECT_ID
