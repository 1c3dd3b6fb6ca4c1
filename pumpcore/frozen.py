"""Dataclasses whose methods are compiled when they are first used.

The standard `dataclass` compiles five or more methods for each class while a module is imported. A process that makes
a pump uses few of some hundred and seventy value types, so most of that time is wasted on a small board. Here the
decorator makes the class and its slots at once, and leaves a stub for each method. The first use of any stub lets the
standard `dataclasses` make all methods of that class and puts them in place of the stubs. Only the first instances of
a simple class are made without it: a table of some rows does not need a compiled `__init__`, nor `dataclasses` itself.

The rules of this file:

- Methods, fields and parameters are made by the standard machinery, so a class behaves as a standard one does. After
  the first use an instance costs what a standard one costs: the methods are the same functions.
- What is wrong with a definition (a mutable default, a field without a default after one that has one) is therefore
  reported when the methods are compiled, not at import. The test suite compiles every class.
- Only what needs no compiled code is decided here: which annotations are fields, and which methods get a stub.
- `__setattr__` and `__delattr__` of frozen classes are shared functions.
- `super()` without arguments fails in a method of a class with slots, as it does with the standard decorator.

Importing this module does not import `dataclasses`, which brings `inspect` and `re` along.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

__all__ = ["compiled", "dataclass", "field", "field_names", "fields", "is_dataclass", "replace"]

FEW: Final = 256
"""So many instances of a simple class are made before its methods are compiled.

With five fields an early instance takes five times as long as a later one, and compiling as long as 200 of them.
"""

_compiled: list[str] = []
_module: ModuleType | None = None

if TYPE_CHECKING:
    # A type checker sees the standard functions, and so understands the classes.
    from dataclasses import dataclass, field, fields, is_dataclass, replace
    from types import ModuleType
else:

    def dataclass(
        cls: type | None = None,
        /,
        *,
        frozen: bool = False,
        slots: bool = False,
        kw_only: bool = False,
        order: bool = False,
    ) -> object:
        """Make a class a dataclass, as `dataclasses.dataclass` does, with methods that are compiled when first used.

        Args:
            cls: the class; it is left out where the decorator is given arguments.
            frozen: instances cannot be changed.
            slots: instances have slots and no `__dict__`. Without it the standard decorator is called at once.
            kw_only: fields are given by name.
            order: instances can be compared with `<`.

        Returns:
            The dataclass, or the decorator.

        Example:
            >>> @dataclass(frozen=True, slots=True)
            ... class Point:
            ...     x: int
            ...     y: int = 0
            >>> Point(1)
            Point(x=1, y=0)
        """
        options = {"frozen": frozen, "slots": slots, "kw_only": kw_only, "order": order}

        def wrap(cls: type) -> type:
            return _delayed(cls, options) if slots else _finished(cls, options)

        return wrap if cls is None else wrap(cls)

    def field(**arguments: object) -> object:
        """Describe a field, as `dataclasses.field` does, with the same arguments."""
        return _Field(arguments)

    def fields(class_or_instance: object) -> tuple[object, ...]:
        """Return the fields of a dataclass, as `dataclasses.fields` does."""
        return _standard().fields(class_or_instance)

    def is_dataclass(value: object) -> bool:
        """Return whether it is a dataclass or an instance of one, as `dataclasses.is_dataclass` does.

        The standard function gives the same answer, and compiles the class for it.
        """
        cls = value if isinstance(value, type) else type(value)
        return any("__dataclass_fields__" in base.__dict__ for base in cls.__mro__)

    def replace(instance: object, /, **changes: object) -> object:
        """Return a changed copy of an instance, as `dataclasses.replace` does."""
        return _standard().replace(instance, **changes)


def compiled() -> tuple[str, ...]:
    """Return the names of the classes whose methods have been compiled, in that order, with their modules."""
    return tuple(_compiled)


def field_names(cls: type) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass with slots, in order, without compiling it.

    Example:
        >>> @dataclass(frozen=True, slots=True)
        ... class Point:
        ...     x: int
        ...     y: int = 0
        >>> field_names(Point)
        ('x', 'y')
    """
    names: dict[str, None] = {}
    for base in cls.__mro__[::-1]:
        known = base.__dict__.get("__dataclass_fields__", ())
        if isinstance(known, _Stub):
            known = base.__dict__["__slots__"]
        names |= dict.fromkeys(known)
    return tuple(names)


def _standard() -> ModuleType:
    """Return the standard module, imported when it is first needed."""
    global _module  # noqa: PLW0603 - an import statement in `replace` would cost more than this
    if _module is None:
        import dataclasses  # noqa: PLC0415 - it takes as long to import as half of the pump

        _module = dataclasses
    return _module


class _Field:
    """A field's arguments, until the standard module takes them."""

    __slots__ = ("arguments",)

    def __init__(self, arguments: dict[str, object]) -> None:
        self.arguments = arguments


class _Recipe:
    """All that the standard decorator needs, kept until a class is first used.

    Attributes:
        owner: the class that users see.
        namespace: the body of the class as it was written.
        options: the arguments of the decorator.
    """

    __slots__ = ("namespace", "options", "owner")

    owner: type

    def __init__(self, namespace: dict[str, object], options: dict[str, bool]) -> None:
        self.namespace = namespace
        self.options = options

    def compile(self) -> None:
        """Replace the stubs of the owner by what the standard decorator makes.

        Two threads may both do this; the second one puts equal functions in place.
        """
        owner = self.owner
        source = type(owner)(owner.__name__, owner.__bases__, dict(self.namespace))
        source.__qualname__ = owner.__qualname__
        made = _finished(source, self.options)
        slots = made.__dict__["__slots__"]
        if slots != owner.__dict__["__slots__"]:
            raise TypeError(f"{owner.__qualname__}: the fields are {slots}, not {owner.__dict__['__slots__']}")
        for name, stub in list(owner.__dict__.items()):
            if isinstance(stub, _Stub):
                setattr(owner, name, made.__dict__[name])


class _Stub:
    """What stands for a method until it is compiled.

    A descriptor: asking for the attribute, in whatever way (a call, `super()`, `inspect.signature`), compiles it.
    """

    __slots__ = ("name", "recipe")

    def __init__(self, name: str, recipe: _Recipe) -> None:
        self.name = name
        self.recipe = recipe

    def __get__(self, instance: object, owner: type | None = None) -> object:
        """Compile the methods of the class, and return this one."""
        holder = self.recipe.owner
        if holder.__dict__[self.name] is self:
            self.recipe.compile()
        value = holder.__dict__[self.name]
        return value.__get__(instance, owner) if hasattr(value, "__get__") else value


class _Init(_Stub):
    """What stands for the `__init__` of a simple class: it fills the first instances itself.

    A class is simple if it is frozen, inherits no fields, and none of its fields is described by `field`.
    """

    __slots__ = ("defaults", "left", "names")

    def __init__(self, recipe: _Recipe, names: list[str]) -> None:
        super().__init__("__init__", recipe)
        self.names = names
        self.defaults = {name: recipe.namespace[name] for name in names if name in recipe.namespace}
        self.left = FEW

    def __get__(self, instance: object, owner: type | None = None) -> object:
        """Return what fills this instance; compile the methods for whoever asks the class itself."""
        if instance is None or self.left <= 0:
            return super().__get__(instance, owner)
        self.left -= 1
        return lambda *args, **given: self.fill(instance, args, given)

    def fill(self, instance: Any, args: tuple[object, ...], given: dict[str, object]) -> None:  # noqa: ANN401
        """Do what the compiled `__init__` does; wrong arguments are left to that one to refuse."""
        values = dict(zip(self.names, args, strict=False)) | given
        filled = self.defaults | values
        known = len(values) == len(args) + len(given) and filled.keys() == set(self.names)
        if not known or (args and self.recipe.options["kw_only"]):
            made: Any = super().__get__(instance)
            made(*args, **given)
            return
        for name in self.names:
            object.__setattr__(instance, name, filled[name])
        if "__post_init__" in self.recipe.namespace:
            instance.__post_init__()


def _finished(cls: type, options: dict[str, bool]) -> type:
    """Call the standard decorator."""
    standard = _standard()
    for name, value in list(cls.__dict__.items()):
        if isinstance(value, _Field):
            setattr(cls, name, standard.field(**value.arguments))
    _compiled.append(f"{cls.__module__}.{cls.__qualname__}")
    made: type = standard.dataclass(**options)(cls)
    return made


def _delayed(cls: type, options: dict[str, bool]) -> type:
    """Make the class that users see: slots, the body without its defaults, and stubs."""
    if "__slots__" in cls.__dict__:
        raise TypeError(f"{cls.__name__} already specifies __slots__")
    body = {name: value for name, value in cls.__dict__.items() if name not in {"__dict__", "__weakref__"}}
    recipe = _Recipe(dict(body), options)
    names, held = _fields(cls), _slots(cls)
    for name in names:
        body.pop(name, None)
    body["__slots__"] = tuple(name for name in names if name not in held)
    for name in _methods(body, options):
        body[name] = _Stub(name, recipe)
    if isinstance(body["__init__"], _Stub) and _is_simple(cls, recipe, names):
        body["__init__"] = _Init(recipe, names)
    if options["frozen"]:
        body["__setattr__"], body["__delattr__"] = _refuse_set, _refuse_delete
    elif "__hash__" not in body:
        body["__hash__"] = None  # equal values may come to differ
    recipe.owner = type(cls)(cls.__name__, cls.__bases__, body)
    recipe.owner.__qualname__ = cls.__qualname__
    return recipe.owner


def _is_simple(cls: type, recipe: _Recipe, names: list[str]) -> bool:
    """Return whether `_Init` can fill instances; it leaves defaults that the standard refuses to the standard."""
    defaults = [recipe.namespace[name] for name in names if name in recipe.namespace]
    return (
        recipe.options["frozen"]
        and all(type(each) is not _Field and type(each).__hash__ is not None for each in defaults)
        and not any(is_dataclass(base) or hasattr(base, "__post_init__") for base in cls.__bases__)
    )


def _fields(cls: type) -> list[str]:
    """Return the names of all fields, inherited ones first."""
    names = dict.fromkeys(field_names(cls))
    for name, annotation in cls.__annotations__.items():
        # An alias of ClassVar is not seen here; then the slots differ, and the first use says so.
        kind = annotation if isinstance(annotation, str) else repr(annotation)
        if kind.partition("[")[0].rpartition(".")[2] != "ClassVar":
            names[name] = None
    return list(names)


def _slots(cls: type) -> set[str]:
    """Return the slots of all bases."""
    held: set[str] = set()
    for base in cls.__mro__[1:-1]:
        slots = base.__dict__.get("__slots__", ())
        held |= {slots} if isinstance(slots, str) else set(slots)
    return held


def _methods(body: dict[str, object], options: dict[str, bool]) -> list[str]:
    """Return the attributes that the standard decorator will add to a class of this body."""
    names = [name for name in ("__init__", "__repr__", "__eq__", "__match_args__", *_REPLACE) if name not in body]
    names += ["__dataclass_fields__", "__dataclass_params__"]
    if options["order"]:
        names += ["__lt__", "__le__", "__gt__", "__ge__"]
    if options["frozen"]:
        names += [name for name in ("__getstate__", "__setstate__") if name not in body]
        # Python puts None beside an `__eq__` that stands without a `__hash__`; that is nobody's choice.
        if body.get("__hash__", ...) is ... or (body["__hash__"] is None and "__eq__" in body):
            names.append("__hash__")
    return names


_REPLACE: Final = ("__replace__",) if sys.version_info >= (3, 13) else ()  # for `copy.replace`


def _refuse_set(self: object, name: str, value: object) -> None:
    """Refuse to set an attribute of a frozen instance; a subclass that is no dataclass may have more of its own."""
    if _is_fixed(type(self), name):
        _refuse(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _refuse_delete(self: object, name: str) -> None:
    """Refuse to delete an attribute of a frozen instance."""
    if _is_fixed(type(self), name):
        _refuse(f"cannot delete field {name!r}")
    object.__delattr__(self, name)


_refuse_set.__name__, _refuse_delete.__name__ = "__setattr__", "__delattr__"


def _is_fixed(cls: type, name: str) -> bool:
    return "__dataclass_fields__" in cls.__dict__ or any(name == each.name for each in _standard().fields(cls))


def _refuse(message: str) -> NoReturn:
    raise _standard().FrozenInstanceError(message)
