"""What the items of one import say together: each once, none above or before itself, parents before their children."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from workflow_mcp.work.graph import MAX_DEPTH, cycle_in
from workflow_mcp.work.importers.errors import SourceError, invalid
from workflow_mcp.work.importers.values import SourceItem, SourceItems

MAX_ITEMS = 50_000
MAX_SHOWN_CYCLE = 5
MAX_LEFT_OUT = 100

Items = dict[str, SourceItem]


def checked(read: SourceItems) -> SourceItems:
    """The items in an order in which parents come first; what cannot be kept together is left out and is a loss.

    Raises:
        WorkItemError: `IMPORT_INVALID`: an id twice, or a circle of parents or of dependencies.
    """
    items = _by_ref(read.items)
    _refuse_circle(items, lambda item: _known(items, [item.parent]), "is its own ancestor", "are above each other")
    _refuse_circle(items, lambda item: _blockers(items, item), "waits for itself", "wait for each other")
    items = _without_mixed_circles(_without_relatives_as_blockers(_not_too_deep(items)))
    return SourceItems(tuple(_parents_first(items)), read.skipped)


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


def _known(items: Items, refs: Iterable[str | None]) -> list[str]:
    return [ref for ref in refs if ref is not None and ref in items]


def _blockers(items: Items, item: SourceItem) -> list[str]:
    return _known(items, (link.other for link in item.links if link.relation == "blocked_by"))


def _refuse_circle(items: Items, next_of: Callable[[SourceItem], list[str]], one: str, several: str) -> None:
    circle = cycle_in({ref: next_of(item) for ref, item in items.items()})
    if circle:
        named = [f"{ref} ({items[ref].place})" for ref in circle[:MAX_SHOWN_CYCLE]]
        more = f" and {len(circle) - len(named)} more" if len(circle) > len(named) else ""
        what = f"it {one}" if len(circle) == 1 else f"{', '.join(named)}{more} {several}"
        raise invalid(items[circle[0]].place, what)


def ancestors(parents: Mapping[str, str | None], ref: str) -> Iterator[str]:
    """The ancestors of an item, from its parent up, as far as they are known."""
    above = parents.get(ref)
    while above is not None and above in parents:
        yield above
        above = parents[above]


def _not_too_deep(items: Items) -> Items:
    parents = {ref: item.parent for ref, item in items.items()}
    found: Items = {}
    for ref, item in items.items():
        above = list(ancestors(parents, ref))
        if len(above) < MAX_DEPTH:
            found[ref] = item
        else:
            loss = f"it was {len(above)} levels down and is below {above[-MAX_DEPTH + 1]} now"
            found[ref] = replace(item, parent=above[-MAX_DEPTH + 1], losses=(*item.losses, loss))
    return found


def _without_relatives_as_blockers(items: Items) -> Items:
    parents = {ref: item.parent for ref, item in items.items()}
    above = {ref: set(ancestors(parents, ref)) for ref in items}
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


def _without_one_of(items: Items, circle: list[str]) -> Items:
    steps = zip(circle, [*circle[1:], circle[0]], strict=True)
    waiting, other = next((one, two) for one, two in steps if two in _blockers(items, items[one]))
    why = f"was left out: with it, {', '.join(circle[:MAX_SHOWN_CYCLE])} would wait for each other"
    return {**items, waiting: _without(items[waiting], other, why)}


def _waits(items: Items) -> dict[str, list[str]]:
    waits = {ref: _blockers(items, item) for ref, item in items.items()}
    for ref, item in items.items():
        for above in _known(items, [item.parent]):
            waits[above].append(ref)
    return waits


def _parents_first(items: Items) -> Iterator[SourceItem]:
    given: set[str] = set()
    parents = {ref: item.parent for ref, item in items.items()}
    for ref in items:
        for one in (*reversed(list(ancestors(parents, ref))), ref):
            if one not in given:
                given.add(one)
                yield items[one]
