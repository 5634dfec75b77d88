"""What the items of one import say together: each once, none above or before itself, parents before their children."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from workflow_mcp.work.graph import MAX_DEPTH, cycle_in
from workflow_mcp.work.importers.errors import SourceError, invalid
from workflow_mcp.work.importers.values import SourceItem, SourceItems

MAX_ITEMS = 50_000
MAX_SHOWN_CYCLE = 5
MAX_LEFT_OUT = 100

Items = dict[str, SourceItem]


@dataclass(frozen=True, slots=True)
class _Gate:
    of: str


Node = str | _Gate


def checked(read: SourceItems) -> SourceItems:
    """The items in an order in which parents come first; what cannot be kept together is left out and is a loss.

    Raises:
        WorkItemError: `IMPORT_INVALID`: an id twice, or a circle of parents or of dependencies.
    """
    items = {ref: _without_itself(item) for ref, item in _by_ref(read.items).items()}
    _refuse_circle(items, lambda item: _known(items, [item.parent]), "are above each other")
    _refuse_circle(items, lambda item: _blockers(items, item), "wait for each other")
    items = _without_mixed_circles(_without_relatives_as_blockers(_not_too_deep(items)))
    return SourceItems(tuple(items.values()), read.skipped)


def _by_ref(given: Sequence[SourceItem]) -> Items:
    items: Items = {}
    for item in given:
        if item.external_ref in items:
            raise invalid(item.place, f"{item.external_ref} stands in {items[item.external_ref].place} already")
        items[item.external_ref] = item
    if len(items) > MAX_ITEMS:
        place = given[MAX_ITEMS].place
        raise SourceError(place, f"more than {MAX_ITEMS} items", "import some of them at a time.")
    return items


def _without_itself(item: SourceItem) -> SourceItem:
    parent = None if item.parent == item.external_ref else item.parent
    links = tuple(link for link in item.links if link.other != item.external_ref)
    losses = ["that it is its own parent was left out"] * (parent != item.parent)
    losses += ["its link to itself was left out"] * (len(item.links) - len(links))
    return replace(item, parent=parent, links=links, losses=(*item.losses, *losses)) if losses else item


def _known(items: Items, refs: Iterable[str | None]) -> list[str]:
    return [ref for ref in refs if ref is not None and ref in items]


def _blockers(items: Items, item: SourceItem) -> list[str]:
    return _known(items, (link.other for link in item.links if link.relation == "blocked_by"))


def _refuse_circle(items: Items, next_of: Callable[[SourceItem], list[str]], what: str) -> None:
    circle = cycle_in({ref: next_of(item) for ref, item in items.items()})
    if circle:
        named = [f"{ref} ({items[ref].place})" for ref in circle[:MAX_SHOWN_CYCLE]]
        more = f" and {len(circle) - len(named)} more" if len(circle) > len(named) else ""
        raise invalid(items[circle[0]].place, f"{', '.join(named)}{more} {what}")


def _by_level(items: Items) -> dict[str, int]:
    """The level of each item, counted from 1 at the top; parents before their children."""
    levels: dict[str, int] = {}
    for ref in items:
        way = [ref]
        while (above := items[way[-1]].parent) in items and above not in levels:
            way.append(above)
        for one in reversed(way):
            levels.setdefault(one, levels.get(items[one].parent or "", 0) + 1)
    return levels


def _not_too_deep(items: Items) -> Items:
    """All items, parents first; those that are too deep below the deepest that may have children."""
    found: Items = {}
    lowest: dict[str, str] = {}
    for ref, level in _by_level(items).items():
        item = items[ref]
        lowest[ref] = ref if level < MAX_DEPTH else lowest[item.parent or ""]
        if level > MAX_DEPTH:
            loss = f"it was {level - 1} levels down and is below {lowest[ref]} now"
            item = replace(item, parent=lowest[ref], losses=(*item.losses, loss))
        found[ref] = item
    return found


def _ancestors(items: Items, ref: str) -> Iterator[str]:
    above = items[ref].parent
    while above is not None and above in items:
        yield above
        above = items[above].parent


def _without_relatives_as_blockers(items: Items) -> Items:
    above = {ref: set(_ancestors(items, ref)) for ref in items}
    found = dict(items)
    for ref, item in items.items():
        for other in _blockers(items, item):
            where = "above" if other in above[ref] else "below" if ref in above[other] else ""
            if where:
                why = f"which is {where} it, was left out: a parent waits for its children"
                found[ref] = _without(found[ref], other, why)
    return found


def _without(item: SourceItem, other: str, why: str) -> SourceItem:
    links = tuple(link for link in item.links if (link.relation, link.other) != ("blocked_by", other))
    return replace(item, links=links, losses=(*item.losses, f"its dependency on {other}, {why}"))


def _without_mixed_circles(items: Items) -> Items:
    for _ in range(MAX_LEFT_OUT):
        circle = cycle_in(_waits(items))
        if not circle:
            return items
        items = _without_one_of(items, circle)
    place = next(iter(items.values())).place
    raise invalid(place, f"more than {MAX_LEFT_OUT} dependencies make circles together with parents and children")


def _without_one_of(items: Items, circle: list[Node]) -> Items:
    steps = zip(circle, [*circle[1:], circle[0]], strict=True)
    waiting, other = next((one.of, two) for one, two in steps if isinstance(one, _Gate) and isinstance(two, str))
    named = [one for one in circle if isinstance(one, str)][:MAX_SHOWN_CYCLE]
    why = f"was left out: with it, {', '.join(named)} would wait for each other"
    return {**items, waiting: _without(items[waiting], other, why)}


def _waits(items: Items) -> dict[Node, list[Node]]:
    """What waits for what: an item for its children and at its gate, which opens with its blockers and the gate above.

    So there are no more edges than parents and dependencies, although each item waits for its ancestors' blockers too.
    """
    waits: dict[Node, list[Node]] = {}
    for ref, item in items.items():
        above = _known(items, [item.parent])
        waits.setdefault(ref, []).append(_Gate(ref))
        waits[_Gate(ref)] = [*_blockers(items, item), *map(_Gate, above)]
        for parent in above:
            waits.setdefault(parent, []).append(ref)
    return waits
