"""A config that gets an id otherwise stays as its author wrote it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import PROJECT_ID
from workflow_mcp.workspace.config_editing import with_project_id

LAYOUTS = [
    ('{"project":{"name":"a"}}', '{"project":{"name":"a", "id": ID}}'),
    ('{ "z":[1,2] ,"project" : {"name":"a"} }\n', '{ "z":[1,2] ,"project" : {"name":"a", "id": ID} }\n'),
    (
        '\ufeff{\r\n\t"project": {\r\n\t\t"name": "a"\r\n\t},\r\n\t"n": 1.50}\r\n',
        '\ufeff{\r\n\t"project": {\r\n\t\t"name": "a",\r\n\t\t"id": ID\r\n\t},\r\n\t"n": 1.50}\r\n',
    ),
    ('{"project": {"id" : null, "name": "a"}}', '{"project": {"id" : ID, "name": "a"}}'),
    (
        '{"x": {"project": {"id": "q"}}, "id": null, "project": {"name": "\\"project\\": {"}}',
        '{"x": {"project": {"id": "q"}}, "id": null, "project": {"name": "\\"project\\": {", "id": ID}}',
    ),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["project", "id", "a"]), inner),
)


def edited(text: str) -> str:
    """A config with an id."""
    return with_project_id("config.json", text.encode(), PROJECT_ID).decode()


@pytest.mark.parametrize(("text", "expected"), LAYOUTS)
def test_all_else_stays(text: str, expected: str) -> None:
    """Order, indentation, line ends, numbers and unknown keys are the author's."""
    assert edited(text) == expected.replace("ID", f'"{PROJECT_ID}"')


@given(st.dictionaries(st.text(), JSON), JSON, st.none() | st.integers(0, 4), st.booleans())
def test_only_the_id_is_added(others: dict[str, Any], inner: Any, indent: int | None, null: bool) -> None:
    """Whatever else a config holds, with the id it holds the same and the id."""
    project = {"name": "a", "x": inner} | ({"id": None} if null else {})
    members = {**others, "project": project}
    result = edited(json.dumps(members, indent=indent))
    assert json.loads(result) == {**members, "project": {**project, "id": PROJECT_ID}}


def test_where_it_cannot_stay_it_is_written_anew() -> None:
    """A key that is written with escapes is not found, and the whole file is formatted."""
    assert json.loads(edited('{"pro\\u006aect":{"name":"a"}}')) == {"project": {"name": "a", "id": PROJECT_ID}}
