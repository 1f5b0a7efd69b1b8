"""`dataclass` as the standard library has it, except that defining a class costs next to nothing.

The standard library writes the source of six methods for each class and compiles them, which takes a millisecond; a
command meets a hundred classes on its way and makes objects of a few. Here `__init__` is compiled when the first object
is made, and the other methods are not compiled at all. Fields are the standard library's own, so `field`, `fields`,
`replace` and `asdict` work as ever. Not known here: `InitVar`, and options nobody uses.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter, eq, ge, gt, le, lt
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - what type checkers are to take it for


def _decorator(
    *, frozen: bool = False, slots: bool = False, kw_only: bool = False, order: bool = False
) -> Callable[[type], type]:
    """Return the decorator that makes a class a dataclass; it is always called with brackets."""

    def decorate(written: type) -> type:
        if not written.__doc__:
            written.__doc__ = written.__name__
        bare = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)
        made: type = bare(written)
        for name, method in _methods(made, frozen=frozen, order=order).items():
            if name not in vars(written):
                setattr(made, name, method)
        return made

    return decorate


if not TYPE_CHECKING:
    dataclass = _decorator


def _methods(made: type, *, frozen: bool, order: bool) -> dict[str, Any]:
    compared = [one.name for one in dataclasses.fields(made) if one.compare]
    values = attrgetter(*compared) if compared else bool

    def init(self: Any, *given: Any, **named: Any) -> None:
        made.__init__ = _init_of(made, frozen=frozen)  # type: ignore[misc]  # from now on that one is called
        made.__init__(self, *given, **named)  # type: ignore[misc]  # as above

    def comparing(compare: Callable[[Any, Any], bool]) -> Callable[[Any, object], Any]:
        return lambda self, other: (
            compare(values(self), values(other)) if other.__class__ is self.__class__ else NotImplemented
        )

    methods: dict[str, Any] = {"__init__": init, "__repr__": _shown, "__eq__": comparing(eq), "__hash__": None}
    if order:
        methods |= {f"__{compare.__name__}__": comparing(compare) for compare in (lt, le, gt, ge)}
    if frozen:
        methods |= {"__hash__": lambda self: hash(values(self)), "__setattr__": _refuse, "__delattr__": _refuse}
        methods |= {"__getstate__": _state, "__setstate__": _set_state}
    return methods


def _init_of(made: type, *, frozen: bool) -> Any:
    """Return the method that the fields call for, compiled."""
    scope: dict[str, Any] = {"given_none": object(), "set_frozen": object.__setattr__}
    parameters: dict[bool, list[str]] = {False: [], True: []}
    lines = ["pass"]
    for one in dataclasses.fields(made):
        name, value = one.name, one.name
        has_factory = one.default_factory is not dataclasses.MISSING
        has_default = has_factory or one.default is not dataclasses.MISSING
        if has_default:
            scope[f"default_of_{name}"] = one.default_factory if has_factory else one.default
        default = f"default_of_{name}()" if has_factory else f"default_of_{name}"
        if not one.init:
            if not has_default:
                continue
            value = default
        elif has_factory:
            value = f"{default} if {name} is given_none else {name}"
        if one.init:
            missing = "=given_none" if has_factory else f"={default}" if has_default else ""
            parameters[bool(one.kw_only)].append(f"{name}{missing}")
        lines.append(f"set_frozen(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(made, "__post_init__"):
        lines.append("self.__post_init__()")
    named = ["*", *parameters[True]] if parameters[True] else []
    source = f"def __init__(self, {', '.join([*parameters[False], *named])}):\n " + "\n ".join(lines)
    exec(source, scope)  # noqa: S102 - of names of fields, as the standard library does it
    method = scope["__init__"]
    method.__qualname__ = f"{made.__qualname__}.__init__"
    method.__module__ = made.__module__
    return method


@recursive_repr()
def _shown(self: Any) -> str:
    shown = [f"{one.name}={getattr(self, one.name)!r}" for one in dataclasses.fields(self) if one.repr]
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse(_self: object, name: str, _value: object = None) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot change field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, one.name) for one in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for one, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)
