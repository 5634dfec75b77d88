"""Records of an export, as anybody may have written them: what is refused, and on which line."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_mcp.errors import WorkflowError
from workflow_mcp.work.transfer import read_outline

Records = list[dict[str, Any]]
AT = "2026-07-28T12:00:00.000001+00:00"


def item(number: int, **values: Any) -> dict[str, Any]:
    """An item as export writes it."""
    fields = {
        "kind": "item", "id": number, "title": f"item {number}", "description": "", "item_type": "task",
        "status": "pending", "priority": 2, "assignee": None, "lease_seconds": None, "hidden_by": 0,
        "claim_expires_at": None, "created_at": AT, "updated_at": AT, "completed_at": None, "labels": ["x"],
        "parent": None, "version": 1, "created_by": "ana",
    }  # fmt: skip
    return fields | values


def whole() -> Records:
    """An export with something of everything; line 5 is claimed, line 6 deleted."""
    claim = {"status": "in_progress", "assignee": "bob", "lease_seconds": 3600, "claim_expires_at": AT}
    event = {"kind": "event", "at": AT, "actor": "ana", "directory": "/w", "action": "created", "changes": {}}
    return [
        {"kind": "project", "format": 2, "id": "11111111-1111-4111-8111-111111111111", "name": "one"},
        item(1, item_type="epic"),
        item(2, parent=1, acceptance=[{"text": "it is", "met": True}], evidence=["commit: 1a2b3c4"]),
        item(3, status="completed", completed_at=AT, parent=1),
        item(4, **claim),
        item(5, hidden_by=5),
        item(6, parent=5, hidden_by=5),
        {"kind": "link", "source": 2, "target": 4, "link": "blocks"},
        {"kind": "link", "source": 2, "target": 3, "link": "relates_to"},
        {"kind": "note", "item": 2, "at": AT, "author": "ana", "text": "line\nline"},
        *({**event, "item": number} for number in range(1, 7)),
        {"kind": "end", "items": 6, "links": 2, "notes": 1, "events": 6},
    ]


def change(line: int, **values: Any) -> Callable[[Records], None]:
    """Gives the record on a line other values."""
    return lambda records: records[line - 1].update(values)


def turned(link: dict[str, Any]) -> dict[str, Any]:
    """A link the other way round."""
    return {**link, "source": link["target"], "target": link["source"]}


def test_a_whole_export() -> None:
    """What is as export writes it is read, and counted."""
    outline = read_outline(whole())
    assert outline.counts["items"] == 6
    assert outline.waits() == {1: 1, 4: 1}
    assert outline.hidden == {5: 5, 6: 5}


def test_the_layout_of_json_does_not_matter() -> None:
    """Only what it says makes a file the same as another."""
    reordered = [dict(reversed(record.items())) for record in whole()]
    assert read_outline(reordered).digest == read_outline(whole()).digest
    reordered[1]["title"] = "other"
    assert read_outline(reordered).digest != read_outline(whole()).digest


SPOILT: list[tuple[str, int, Callable[[Records], object]]] = [
    ("id beyond what fits", 2, change(2, id=2**31 - 1)),
    ("id beyond 64 bits", 2, change(2, id=2**64)),
    ("id 0", 2, change(2, id=0)),
    ("fraction as id", 2, change(2, id=1.5)),
    ("whole fraction as id", 2, change(2, id=1.0)),
    ("true as id", 2, change(2, id=True)),
    ("fraction as priority", 2, change(2, priority=1.5)),
    ("fraction as version", 2, change(2, version=1.5)),
    ("huge version", 2, change(2, version=2**40)),
    ("version 0", 2, change(2, version=0)),
    ("lease null", 5, change(5, lease_seconds=None)),
    ("lease text", 5, change(5, lease_seconds="3600")),
    ("lease without claim", 3, change(3, lease_seconds=3600)),
    ("lease for ever", 5, change(5, lease_seconds=10**9)),
    ("claim without holder", 5, change(5, assignee=None)),
    ("claim on a finished item", 5, change(5, status="completed", completed_at=AT)),
    ("claim on a pending item", 5, change(5, status="pending")),
    ("finished without a time", 4, change(4, completed_at=None)),
    ("visible child of a hidden parent", 7, change(7, hidden_by=0)),
    ("hidden by what is not hidden", 7, change(7, hidden_by=1)),
    ("hidden by a stranger", 4, change(4, hidden_by=5)),
    ("self-link", 8, change(8, target=2)),
    ("own parent", 3, change(3, parent=2)),
    ("parents in a circle", 2, change(2, parent=2)),
    ("unknown parent", 3, change(3, parent=99)),
    ("link to nothing", 8, change(8, target=99)),
    ("link before its items", 2, lambda records: records.insert(1, records.pop(7))),
    ("link twice", 9, lambda records: records.insert(8, records[7])),
    ("relation twice, the other way round", 10, lambda records: records.insert(9, turned(records[8]))),
    ("waiting for each other", 3, change(8, source=1, target=2)),
    ("note on nothing", 10, change(10, item=99)),
    ("item twice", 3, lambda records: records.insert(2, records[1])),
    ("name of 1 MB", 2, change(2, created_by="a" * 10**6)),
    ("author of 1 MB", 10, change(10, author="a" * 10**6)),
    ("actor of 1 MB", 11, change(11, actor="a" * 10**6)),
    ("action of 1 MB", 11, change(11, action="a" * 10**6)),
    ("directory of 1 MB", 11, change(11, directory="a" * 10**6)),
    ("changes of 1 MB", 11, change(11, changes={"title": "a" * 10**6})),
    ("name of a project of 1 MB", 1, change(1, name="a" * 10**6)),
    ("name that forges a row", 2, change(2, created_by="ana  @bob")),
    ("title of 201", 2, change(2, title="a" * 201)),
    ("title with a line end", 2, change(2, title="a\nb")),
    ("surrogate in a title", 2, change(2, title="a\ud800")),
    ("surrogate in a label", 2, change(2, labels=["\ud800"])),
    ("surrogate in changes", 11, change(11, changes={"title": [None, "\ud800"]})),
    ("surrogate in a directory", 11, change(11, directory="/\ud800")),
    ("surrogate as kind", 2, change(2, kind="\ud800")),
    ("not a number in changes", 11, change(11, changes={"priority": float("nan")})),
    ("year 10000 after all", 2, change(2, created_at="9999-12-31T23:59:59-14:00")),
    ("year 1", 2, change(2, created_at="0001-01-01T00:00:00+14:00")),
    ("year 9999", 5, change(5, claim_expires_at="9999-12-31T00:00:00+00:00")),
    ("no time zone", 2, change(2, created_at="2026-07-28T12:00:00")),
    ("time as number", 2, change(2, created_at=1753700000)),
    ("duplicate labels", 2, change(2, labels=["x", "x"])),
    ("21 labels", 2, change(2, labels=[str(number) for number in range(21)])),
    ("labels as text", 2, change(2, labels="x")),
    ("21 criteria", 2, change(2, acceptance=[{"text": str(number), "met": False} for number in range(21)])),
    ("criterion twice", 2, change(2, acceptance=[{"text": "x", "met": True}, {"text": "x", "met": False}])),
    ("criterion as text", 2, change(2, acceptance=["x"])),
    ("criterion half met", 2, change(2, acceptance=[{"text": "x", "met": 0.5}])),
    ("evidence without a kind", 2, change(2, evidence=["1a2b3c4"])),
    ("evidence of 1 MB", 2, change(2, evidence=["commit: " + "a" * 10**6])),
    ("21 pieces of evidence", 2, change(2, evidence=[f"test: {number}" for number in range(21)])),
    ("missing field", 2, lambda records: records[1].pop("title")),
    ("misspelt field", 2, change(2, titel="x")),
    ("null as status", 2, change(2, status=None)),
    ("unknown kind", 2, change(2, kind="dragon")),
    ("list as kind", 2, change(2, kind=[])),
    ("no object", 2, lambda records: records.insert(1, [1, 2])),  # type: ignore[arg-type] # that is the point
    ("no project first", 1, lambda records: records.pop(0)),
    ("project twice", 2, lambda records: records.insert(1, records[0])),
    ("older format", 1, change(1, format=1)),
    ("no UUID", 1, change(1, id="one")),
    ("more counted than there is", 17, change(17, items=7)),
    ("less counted than there is", 17, change(17, events=5)),
    ("something after the end", 18, lambda records: records.append(records[1])),
]  # fmt: skip


@pytest.mark.parametrize(("line", "spoil"), [one[1:] for one in SPOILT], ids=[one[0] for one in SPOILT])
def test_what_is_refused(line: int, spoil: Callable[[Records], object]) -> None:
    """What could not have been created either is one error, on one short line, which names where it is."""
    records = whole()
    spoil(records)
    with pytest.raises(WorkflowError) as caught:
        read_outline(records)
    assert caught.value.code == "IMPORT_INVALID"
    assert f"line {line}: " in str(caught.value) or f"lines {line}, " in str(caught.value)
    assert len(str(caught.value)) < 700
    assert len(str(caught.value).splitlines()) == 1
    str(caught.value).encode()


@pytest.mark.parametrize("kept", range(17))
def test_a_file_that_was_cut_off(kept: int) -> None:
    """After whichever line it ends, a file without its closing record is not taken for a whole one."""
    with pytest.raises(WorkflowError) as caught:
        read_outline(whole()[:kept])
    assert "the closing record is missing" in str(caught.value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["\ud800", AT, 2**70]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def spoilt(draw: st.DrawFn) -> list[Any]:
    """An export in which some values, records or their order are others."""
    records: list[Any] = copy.deepcopy(whole())
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(records) - 1))
        match draw(st.sampled_from(["value", "record", "drop", "swap", "twice"])):
            case "value" if isinstance(records[place], dict) and records[place]:
                records[place][draw(st.sampled_from(sorted(records[place])))] = draw(JSON)
            case "record":
                records[place] = draw(JSON)
            case "drop" if len(records) > 1:
                records.pop(place)
            case "swap":
                records.append(records.pop(place))
            case _:
                records.insert(place, copy.deepcopy(records[place]))
    return records


def refusal_of(records: list[Any]) -> WorkflowError | None:
    """The error that the records are, if they are one."""
    try:
        read_outline(records)
    except WorkflowError as error:
        return error
    return None


@given(spoilt())
@settings(deadline=None, max_examples=300)
def test_whatever_it_is_made_of(records: list[Any]) -> None:
    """Any records are read, or refused with one line; nothing else comes of them."""
    error = refusal_of(records)
    if error is not None:
        assert error.code == "IMPORT_INVALID"
        assert len(str(error).splitlines()) == 1
        assert str(error).encode()
