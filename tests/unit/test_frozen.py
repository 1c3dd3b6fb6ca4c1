"""A dataclass whose methods are compiled late is a standard one in all that can be seen.

Method: the same source is run twice, once with the standard decorator and once with ours, and both classes are asked
the same questions.
"""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import pickle
import pkgutil
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import pytest

import pumpcore
from pumpcore import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCE: Final = '''
from __future__ import annotations
from typing import ClassVar

@dataclass(frozen=True, slots=True)
class Base:
    """A base."""
    at_us: int

@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf(Base):
    """With everything that a field can have."""
    KIND: ClassVar[str] = "leaf"
    name: str
    count: int = 3
    tags: tuple[str, ...] = field(default_factory=tuple)
    note: str = field(default="", compare=False)
    hidden: int = field(default=0, repr=False)
    made: list[int] = field(init=False, default_factory=list, compare=False)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count")
        self.made.append(self.count)

    @property
    def double(self) -> int:
        return 2 * self.count

@dataclass(frozen=True, slots=True)
class Twig(Leaf):
    """With a default for an inherited field."""
    count: int = 4

@dataclass(frozen=True, slots=True, order=True)
class Amount:
    """Ordered."""
    amount: int
    unit: str = "U"

@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Made by names."""
    amount: int
    unit: str = "U"

@dataclass(slots=True)
class Loose:
    """Not frozen."""
    a: int
    b: list[int] = field(default_factory=list)

@dataclass(frozen=True, slots=True)
class Own:
    """With methods of its own."""
    a: int
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own)
    def __repr__(self) -> str:
        return "own"

@dataclass(frozen=True, slots=True)
class OwnHash:
    """With its own hash."""
    a: int
    def __hash__(self) -> int:
        return 7

@dataclass(slots=True)
class Once:
    """Compared by value, hashed by its own rule."""
    a: int
    def __hash__(self) -> int:
        return 9

@dataclass(frozen=True, slots=True)
class Empty:
    """Without fields."""

@dataclass
class Plain:
    """Without slots."""
    a: int
    b: tuple[int, ...] = field(default_factory=tuple)
'''

CALLS: Final[dict[str, tuple[tuple[int, ...], dict[str, Any]]]] = {
    "Base": ((5,), {}),
    "Leaf": ((5,), {"name": "x", "note": "n", "hidden": 4}),
    "Twig": ((5,), {"name": "x", "tags": ("a",)}),
    "Amount": ((2,), {}),
    "Named": ((), {"amount": 2}),
    "Loose": ((1,), {}),
    "Own": ((1,), {}),
    "OwnHash": ((1,), {}),
    "Once": ((1,), {}),
    "Empty": ((), {}),
    "Plain": ((1,), {"b": (2,)}),
}
NAMES: Final = sorted(CALLS)
REFUSED: Final = dataclasses.FrozenInstanceError


def module(name: str, **decorator: object) -> ModuleType:
    """Run the source as a module, with the decorator that is given."""
    made = ModuleType(name)
    sys.modules[name] = made
    vars(made).update(decorator)
    exec(SOURCE, vars(made))  # noqa: S102 - the text above
    return made


@pytest.fixture(params=[0, frozen.FEW], ids=["compiled", "early"])
def ours(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Our classes, with instances made by the compiled `__init__`, or before it is compiled where that can be."""
    monkeypatch.setattr(frozen, "FEW", request.param)
    return module("late_ours", dataclass=frozen.dataclass, field=frozen.field)


@pytest.fixture
def theirs() -> ModuleType:
    return module("late_theirs", dataclass=dataclasses.dataclass, field=dataclasses.field)


def make(where: ModuleType, name: str) -> Any:  # noqa: ANN401 - of a class that no checker sees
    args, named = CALLS[name]
    return getattr(where, name)(*args, **named)


def attempt(action: Callable[[], object]) -> object:
    """The answer, or the kind of the refusal."""
    try:
        return action()
    except Exception as error:  # noqa: BLE001 - the kind is the answer
        return type(error)


def described(cls: type) -> list[tuple[object, ...]]:
    kept = ("name", "type", "init", "repr", "compare", "hash", "kw_only", "default")
    return [tuple(getattr(each, key) for key in kept) for each in dataclasses.fields(cls)]


QUESTIONS: Final = {
    "repr": repr,
    "hash": hash,
    "hash function": lambda value: type(value).__hash__ is None,
    "equal": lambda value: value == make(sys.modules[type(value).__module__], type(value).__name__),
    "equal to another kind": lambda value: value == 5,
    "less": lambda value: value < copy.copy(value),
    "at most": lambda value: value <= copy.copy(value),
    "as dict": dataclasses.asdict,
    "copy": lambda value: copy.copy(value) == value,
    "deep copy": lambda value: repr(copy.deepcopy(value)),
    "replace": lambda value: repr(dataclasses.replace(value, **{dataclasses.fields(value)[0].name: 6})),
    "pickle": lambda value: repr(pickle.loads(pickle.dumps(value))),  # noqa: S301 - our own bytes
    "signature": lambda value: str(inspect.signature(type(value))),
    "fields": lambda value: described(type(value)),
    "parameters": lambda value: repr(type(value).__dataclass_params__),
    "match": lambda value: type(value).__match_args__,
    "slots": lambda value: getattr(type(value), "__slots__", None),
    "set a field": lambda value: setattr(value, dataclasses.fields(value)[0].name, 1),
    "delete a field": lambda value: delattr(value, dataclasses.fields(value)[0].name),
    "names": lambda value: sorted(name for name in dir(type(value)) if name not in {"__weakref__", "__dict__"}),
    "doc": lambda value: type(value).__doc__,
    "name": lambda value: type(value).__qualname__,
    "is a dataclass": dataclasses.is_dataclass,
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_each_question_has_the_standard_answer(name: str, question: str, ours: ModuleType, theirs: ModuleType) -> None:
    ask = QUESTIONS[question]
    assert attempt(lambda: ask(make(ours, name))) == attempt(lambda: ask(make(theirs, name)))


@pytest.mark.parametrize("name", NAMES)
def test_a_method_is_the_same_code(name: str, ours: ModuleType, theirs: ModuleType) -> None:
    repr(make(ours, name))
    hash(getattr(ours, name).__init__)
    compared = 0
    for attribute, standard in vars(getattr(theirs, name)).items():
        if inspect.isfunction(standard) and attribute not in {"__setattr__", "__delattr__"}:
            late = vars(getattr(ours, name))[attribute]
            assert late.__code__.co_code == standard.__code__.co_code, attribute
            assert late.__qualname__ == standard.__qualname__
            compared += 1
    assert compared


def test_nothing_is_compiled_before_it_is_used(ours: ModuleType) -> None:
    def done() -> list[str]:
        return [name.rpartition(".")[2] for name in frozen.compiled()[before:]]

    before = len(frozen.compiled()) - 1  # Plain, which has no slots, is left to the standard decorator
    assert done() == ["Plain"]
    assert ours.Twig.KIND == "leaf"
    assert done() == ["Plain"]
    amount = make(ours, "Amount")
    assert done() == (["Plain"] if frozen.FEW else ["Plain", "Amount"])
    assert amount == make(ours, "Amount")
    assert done() == ["Plain", "Amount"]
    make(ours, "Amount")
    assert done() == ["Plain", "Amount"]
    make(ours, "Twig")  # whose bases are asked for their fields
    assert sorted(done()) == ["Amount", "Base", "Leaf", "Plain", "Twig"]


@pytest.mark.parametrize("question", ["signature", "fields", "parameters", "match", "is a dataclass"])
def test_a_class_can_be_asked_before_it_is_used(question: str, ours: ModuleType, theirs: ModuleType) -> None:
    asked = {
        "signature": lambda cls: str(inspect.signature(cls)),
        "fields": described,
        "parameters": lambda cls: repr(cls.__dataclass_params__),
        "match": lambda cls: cls.__match_args__,
        "is a dataclass": dataclasses.is_dataclass,
    }[question]
    assert asked(ours.Twig) == asked(theirs.Twig)


@pytest.mark.parametrize("name", ["Amount", "Named"])
@pytest.mark.parametrize(
    ("args", "named"),
    [
        ((), {}),
        ((1,), {}),
        ((1, "mg"), {}),
        ((), {"amount": 1}),
        ((1,), {"unit": "mg"}),
        ((1, "mg", 3), {}),
        ((1,), {"amount": 2}),
        ((1,), {"other": 2}),
        ((), {"unit": "mg"}),
    ],
)
def test_arguments_are_taken_and_refused_as_the_standard_does(
    name: str, args: tuple[object, ...], named: dict[str, object], ours: ModuleType, theirs: ModuleType
) -> None:
    def said(where: ModuleType) -> object:
        try:
            return repr(getattr(where, name)(*args, **named))
        except TypeError as error:
            return str(error)

    assert said(ours) == said(theirs)


def test_only_the_first_instances_are_made_without_compiled_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "FEW", 2)

    @frozen.dataclass(frozen=True, slots=True)
    class Counted:
        a: int
        seen: int = 0

        def __post_init__(self) -> None:
            object.__setattr__(self, "seen", self.a)

    name = f"{Counted.__module__}.{Counted.__qualname__}"
    made = [Counted(1), Counted(2)]
    assert name not in frozen.compiled()
    made.append(Counted(3))
    assert name in frozen.compiled()
    assert [(each.a, each.seen) for each in made] == [(1, 1), (2, 2), (3, 3)]


def test_a_frozen_instance_cannot_be_changed(ours: ModuleType) -> None:
    leaf = make(ours, "Leaf")
    for name in ("at_us", "name", "other"):
        with pytest.raises(REFUSED, match=f"cannot assign to field '{name}'"):
            setattr(leaf, name, 1)
        with pytest.raises(REFUSED, match=f"cannot delete field '{name}'"):
            delattr(leaf, name)
    assert leaf == make(ours, "Leaf")


def test_a_subclass_that_is_no_dataclass_calls_the_stub_of_its_base(ours: ModuleType) -> None:
    amount: Any = ours.Amount

    class Child(amount):  # type: ignore[misc]
        def __init__(self, amount: int) -> None:
            super().__init__(amount + 1)
            self.more = 1

        def __repr__(self) -> str:
            return f"child of {super().__repr__()}"

    child = Child(1)
    assert (child.amount, child.unit, child.more) == (2, "U", 1)
    assert repr(child).startswith("child of ")
    with pytest.raises(REFUSED):
        child.amount = 5
    del child.more
    assert not hasattr(child, "more")


def test_a_standard_subclass_of_a_late_class_and_the_other_way_round(ours: ModuleType, theirs: ModuleType) -> None:
    late: Any = ours.Base
    standard: Any = theirs.Base

    @dataclasses.dataclass(frozen=True, slots=True)
    class Standard(late):  # type: ignore[misc]
        b: int = 2

    @frozen.dataclass(frozen=True, slots=True)
    class Late(standard):  # type: ignore[misc]
        b: int = 2

    for cls in (Standard, Late):
        assert [each.name for each in dataclasses.fields(cls)] == ["at_us", "b"]
        assert cls(1) == cls(1, 2)
        assert not hasattr(cls(1), "__dict__")


def test_a_match_statement_takes_fields_by_position(ours: ModuleType) -> None:
    amount: Any = ours.Amount
    match amount.__new__(amount):
        case amount():
            pass
    match make(ours, "Amount"):
        case amount(value, unit):
            assert (value, unit) == (2, "U")
        case _:
            pytest.fail("no match")


def test_helpers_are_the_standard_ones_in_effect() -> None:
    @frozen.dataclass(frozen=True, slots=True)
    class Pair:
        a: int
        b: int = 2

    assert [each.name for each in frozen.fields(Pair)] == ["a", "b"]
    assert frozen.replace(Pair(1), b=3) == Pair(1, 3)


def test_a_wrong_definition_is_refused_as_the_standard_one() -> None:
    def twice() -> None:
        @frozen.dataclass(frozen=True, slots=True)
        class Twice:  # type: ignore[misc]
            __slots__ = ()

    def changed(**options: bool) -> None:
        @frozen.dataclass(slots=True, **options)  # type: ignore[call-overload, untyped-decorator, unused-ignore]
        class Wrong:
            a: int
            b: list[int] = []  # noqa: RUF012 - what must be refused

        Wrong(1)

    with pytest.raises(TypeError, match="already specifies __slots__"):
        twice()
    with pytest.raises(ValueError, match="mutable default"):
        changed(frozen=True)


def test_a_class_variable_under_another_name_is_refused_and_not_taken_for_a_field() -> None:
    made = ModuleType("late_alias")
    sys.modules["late_alias"] = made
    vars(made)["dataclass"] = frozen.dataclass
    exec(  # noqa: S102
        "from __future__ import annotations\nfrom typing import ClassVar as Shared\n"
        "@dataclass(frozen=True, slots=True)\nclass Alias:\n    a: int\n    b: Shared[int] = 2\n",
        vars(made),
    )
    with pytest.raises(TypeError, match=r"Alias: the fields are"):
        hash(made.Alias.__init__)


def test_every_class_of_the_package_is_defined_rightly() -> None:
    """What the standard decorator would refuse at import is found here, by compiling every class."""
    names = [each.name for each in pkgutil.walk_packages(pumpcore.__path__, "pumpcore.") if "__main__" not in each.name]
    found = set()
    for name in names:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:  # of an extra that is not installed
            if str(error.name).startswith("pumpcore"):
                raise
            continue
        found |= {cls for cls in vars(module).values() if isinstance(cls, type) and frozen.is_dataclass(cls)}
    for cls in found:
        assert [each.name for each in dataclasses.fields(cls)] == list(frozen.field_names(cls)), cls
    assert len(found) > 150
