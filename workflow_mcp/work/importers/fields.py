"""The fields of an object that another program wrote, each of the type that it must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from workflow_mcp.errors import shown
from workflow_mcp.work.importers.errors import invalid
from workflow_mcp.work.importers.values import Place
from workflow_mcp.work.json_text import JsonObject

MAX_ID_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one object; a field that is null is as one that is not there.

    Each method raises `IMPORT_INVALID`, naming place and field, for a value of another type.
    """

    place: Place
    values: Mapping[str, Any]

    @classmethod
    def of(cls, value: Any, place: Place, what: str) -> Fields:
        """The fields of an object, at the line that it begins on."""
        if not isinstance(value, dict):
            raise invalid(place, f"{what} is {_kind(value)} instead of an object")
        line = value.line if isinstance(value, JsonObject) else place.line
        return cls(Place(place.path, line), value)

    def text(self, *names: str) -> str:
        """The text of the first of these fields that is there and not empty; empty without one."""
        found = (self._value(name, str, "text") for name in names)
        return next((value for value in found if value), "")

    def id(self, name: str) -> str:
        """An id, which may be a number or text; empty without one."""
        value = self.values.get(name)
        return "" if value is None else self.as_id(value, name)

    def as_id(self, value: Any, name: str) -> str:
        """The id that a value is."""
        if isinstance(value, bool) or not isinstance(value, int | str):
            self._refuse(name, value, "an id")
        text = str(value).strip()
        if len(text) > MAX_ID_LENGTH or not text.isprintable():
            raise invalid(self.place, f"{name} {shown(text)} is no id")
        return text

    def whole(self, name: str) -> int | None:
        """A whole number; None without one."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | None):
            self._refuse(name, value, "a whole number")
        return value

    def array(self, name: str) -> Sequence[Any]:
        """A list; empty without one."""
        value = self._value(name, list, "a list")
        return value or ()

    def ids(self, name: str) -> list[str]:
        """A list of ids."""
        return [self.as_id(value, name) for value in self.array(name)]

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        for value in self.array(name):
            if not isinstance(value, str):
                self._refuse(name, value, "text")
        return list(self.array(name))

    def nested(self, name: str) -> Fields | None:
        """An object; None without one."""
        value = self.values.get(name)
        return None if value is None else Fields.of(value, self.place, name)

    def nested_all(self, name: str) -> list[Fields]:
        """A list of objects."""
        return [Fields.of(value, self.place, name) for value in self.array(name)]

    def _value(self, name: str, kind: type, called: str) -> Any:
        value = self.values.get(name)
        if value is not None and not isinstance(value, kind):
            self._refuse(name, value, called)
        return value

    def _refuse(self, name: str, value: Any, called: str) -> NoReturn:
        raise invalid(self.place, f"{name} is {_kind(value)} instead of {called}")


def _kind(value: Any) -> str:
    kinds = {dict: "an object", JsonObject: "an object", list: "a list", str: "text", bool: "true or false"}
    return kinds.get(type(value), "null" if value is None else f"the number {shown(value)}")
