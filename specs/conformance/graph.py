"""What TLC has found: its state graph (`-dump dot,actionlabels`) and its configuration, as Python values.

The rule of this file: nothing here knows what the values mean. A record is a dict, a sequence a tuple, and a text that
is not understood is refused.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Graph", "GraphError", "constants", "load", "rendered", "value_of"]

NODE: Final = re.compile(r'^(-?\d+) \[label="((?:[^"\\]|\\.)*)"(,style = filled)?')
EDGE: Final = re.compile(r'^(-?\d+) -> (-?\d+) \[label="(\w+)"')
EMPTY: Final = re.compile(r"<<\s*>>")
NAME: Final = re.compile(r"(\w+) \|->")
CONSTANT: Final = re.compile(r"^\s+(\w+) = (.+?)(?=^\s+\w+ (?:=|<-) |^[A-Z]|\Z)", re.MULTILINE | re.DOTALL)


class GraphError(ValueError):
    """A text is nothing that TLC writes."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A state graph.

    Attributes:
        states: each state, a dict from variables to values, by its number.
        first: the initial states.
        edges: for each state, where each action that is possible there leads.
    """

    states: Mapping[str, Mapping[str, Any]]
    first: tuple[str, ...]
    edges: Mapping[str, Mapping[str, str]]

    @property
    def size(self) -> tuple[int, int]:
        """Count states and edges."""
        return len(self.states), sum(map(len, self.edges.values()))


def value_of(text: str) -> Any:  # noqa: ANN401 - a value of TLA+ may be of any kind
    """Read a value of TLA+: numbers, texts, booleans, sequences, records and sets of texts.

    Example:
        >>> value_of('[ a |-> <<1, TRUE>>, b |-> "x" ]')
        {'a': (1, True), 'b': 'x'}
    """
    plain = NAME.sub(r"'\1':", text)
    source = re.sub(r"\{\s*\}", "set()", plain).replace("[", "{").replace("]", "}")
    source = EMPTY.sub("()", source).replace("<<", "(").replace(">>", ",)")
    source = re.sub(r"\bTRUE\b", "True", re.sub(r"\bFALSE\b", "False", source))
    try:
        return ast.literal_eval(source.strip())
    except (SyntaxError, ValueError) as error:
        raise GraphError(f"no value of TLA+: {text[:80]!r}") from error


def rendered(value: object) -> str:
    """Write a value as TLA+ reads it.

    Example:
        >>> rendered({"a": (1, True), "b": "x"})
        '[a |-> <<1, TRUE>>, b |-> "x"]'
    """
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(map(rendered, value))) + "}"
    if isinstance(value, tuple):
        return "<<" + ", ".join(map(rendered, value)) + ">>"
    if isinstance(value, dict):
        return "[" + ", ".join(f"{name} |-> {rendered(each)}" for name, each in value.items()) + "]"
    raise GraphError(f"nothing that TLA+ knows: {value!r}")


def load(path: Path) -> Graph:
    """Read a dump.

    Raises:
        GraphError: a line is nothing that TLC writes, or one action leads from one state to two.
    """
    states: dict[str, dict[str, Any]] = {}
    edges: dict[str, dict[str, str]] = {}
    first: list[str] = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if edge := EDGE.match(line):
                source, target, action = edge.groups()
                before = edges.setdefault(source, {}).setdefault(action, target)
                if before != target:
                    raise GraphError(f"{action} leads from {source} to two states")
            elif node := NODE.match(line):
                number, label, begins = node.groups()
                if number not in states:
                    states[number] = _state(label)
                    edges.setdefault(number, {})
                if begins:
                    first.append(number)
            elif "->" in line:
                raise GraphError(f"no edge: {line[:80]!r}")
    if not first:
        raise GraphError(f"{path.name} has no initial state")
    return Graph(states, tuple(dict.fromkeys(first)), edges)


def _state(label: str) -> dict[str, Any]:
    """Read the label of a node: one conjunct for each variable."""
    text = label.replace(r"\"", '"').replace(r"\\", "\\").replace(r"\n", "\n")
    state = {}
    for conjunct in re.split(r"^/\\ ", text, flags=re.MULTILINE):
        if conjunct:
            name, equals, value = conjunct.partition(" = ")
            if not equals:
                raise GraphError(f"no conjunct: {conjunct[:80]!r}")
            state[name] = value_of(value)
    return state


def constants(path: Path) -> dict[str, Any]:
    """Read the constants of a configuration of TLC.

    Raises:
        GraphError: there is none.
    """
    _, found, text = path.read_text(encoding="utf-8").partition("CONSTANTS\n")
    if not found:
        raise GraphError(f"{path.name} has no constants")
    return {name: value_of(value.strip()) for name, value in CONSTANT.findall(text)}
