"""What a claim tells of an item: all that is needed to begin, and never too much of it."""

from __future__ import annotations

import json

from tests.clients.agents import Agent

MAX_ANSWER_BYTES = 20_000


async def test_a_claim_brings_what_is_needed_to_begin(agent: Agent) -> None:
    """Description and criteria, the parent's title, what finished blockers left word of, and the last holder's note."""
    plan = [
        {"title": "Log in", "item_type": "epic", "ref": "epic"},
        {"title": "Design it", "ref": "design"},
        {"title": "Ask legal", "ref": "legal"},
        {
            "title": "Build the form",
            "description": "With two fields.",
            "acceptance": ["It is tested"],
            "parent": "epic",
            "depends_on": ["design", "legal"],
        },
    ]
    await agent.told("create_work_items", items=plan)
    finished = {"status": "completed", "note": "See design.md"}
    await agent.told("update_work_items", updates=[{"id": 2, "note": "not yet"}], actor="ana")
    await agent.told("update_work_items", updates=[{"id": 2, **finished}], actor="ana")
    await agent.told("update_work_items", updates=[{"id": 3, "status": "completed"}], actor="ana")
    await agent.data("claim_work_item", id=4, actor="bob")
    given_up = {"id": 4, "status": "pending", "note": "The fields are there, the button is not."}
    await agent.told("update_work_items", updates=[given_up], actor="bob")
    found = await agent.data("claim_work_item", actor="eve")
    assert (found["item"]["id"], found["item"]["description"]) == (4, "With two fields.")
    assert found["item"]["acceptance"] == ["1. [ ] It is tested"]
    assert found["parent"] == '#1 epic p2 blocked "Log in"'
    (blocker,) = found["finished_blockers"]
    assert blocker.startswith('#2 task p2 completed "Design it": 2. 20')
    assert blocker.endswith(" ana: See design.md")
    (note,) = found["notes"]
    assert note.endswith(" bob: The fields are there, the button is not.")


async def test_a_claim_is_never_too_long(agent: Agent) -> None:
    """Whatever has been written: each part has its share, and says where the rest is."""
    long = '"\\é' * 6_000
    plan = [{"title": f"Blocker {number}", "ref": f"b{number}"} for number in range(12)]
    last = {
        "title": '"' * 200,
        "description": long,
        "acceptance": [f"{number:02}" + "\\" * 298 for number in range(20)],
    }
    last["depends_on"] = [one["ref"] for one in plan]
    await agent.told("create_work_items", items=[*plan, last])
    updates = [{"id": number, "status": "completed", "note": long} for number in range(1, 13)]
    await agent.told("update_work_items", updates=updates[:6], actor="ana")
    await agent.told("update_work_items", updates=updates[6:], actor="ana")
    for _ in range(4):
        await agent.told("update_work_items", updates=[{"id": 13, "note": long}], actor="ana")
    answer = await agent.call("claim_work_item", actor="bob")
    assert len(json.dumps(answer.text, ensure_ascii=False).encode()) <= MAX_ANSWER_BYTES
    assert "get_work_item(id=13, start=" in answer.data["item"]["description"]
    assert "get_work_item(id=13, note=4, start=" in answer.data["notes"][-1]
    assert "get_work_item(id=7, note=1, start=" in answer.data["finished_blockers"][0]
    assert len(answer.data["item"]["description"]) > 1000
