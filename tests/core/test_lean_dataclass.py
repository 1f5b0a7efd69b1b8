"""The lean `dataclass` behaves as the standard library's, class for class."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, asdict, astuple, field, fields, replace
from typing import Any, ClassVar

import pytest

from opsctl.core.lean_dataclass import dataclass as lean

MAKERS = {"standard": dataclasses.dataclass, "lean": lean}


@lean(frozen=True, slots=True)
class Point:
    """A class that can be imported, as pickling needs."""

    x: int
    y: int = 0


def classes(decorator: Any, **options: Any) -> tuple[type, type]:
    @decorator(slots=True, **options)
    class Ticket:
        """A ticket."""

        KIND: ClassVar[str] = "paper"
        number: int
        holder: str = "nobody"
        tags: list[str] = field(default_factory=list)
        note: str = field(default="-", repr=False, compare=False)
        stamp: str = field(default="none", init=False)
        seat: int | None = field(default=None, kw_only=True)

        def __str__(self) -> str:
            return f"ticket {self.number}"

    @decorator(slots=True, **options)
    class Checked:
        left: float
        right: float
        quotient: float = field(init=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "quotient", self.left / self.right)

        def __repr__(self) -> str:
            return "its own"

    return Ticket, Checked


@pytest.fixture(params=[{}, {"frozen": True}], ids=["mutable", "frozen"])
def options(request):
    return request.param


@pytest.fixture(params=MAKERS)
def made(request, options):
    return classes(MAKERS[request.param], **options)


def test_an_object_is_made_of_what_is_given_and_of_defaults(made):
    ticket, checked = made

    one = ticket(7, tags=["vip"], seat=3)

    assert (one.number, one.holder, one.tags, one.note, one.stamp, one.seat) == (7, "nobody", ["vip"], "-", "none", 3)
    assert ticket(1).tags is not ticket(2).tags
    assert ticket.KIND == "paper"
    assert checked(1.0, 4.0).quotient == 0.25


@pytest.mark.parametrize(
    "wrong", [lambda one: one(), lambda one: one(1, "a", [], "-", 5), lambda one: one(1, unknown=2)]
)
def test_what_does_not_fit_is_refused_by_name_the_first_time_and_later(made, wrong):
    for _ in range(2):
        with pytest.raises(TypeError, match=r"Ticket\.__init__\(\) "):
            wrong(made[0])


def test_its_text_shows_the_fields_unless_it_has_its_own(made):
    ticket, checked = made

    assert repr(ticket(7)).endswith("Ticket(number=7, holder='nobody', tags=[], stamp='none', seat=None)")
    assert str(ticket(7)) == "ticket 7"
    assert repr(checked(1.0, 2.0)) == "its own"


def test_equal_are_objects_of_one_class_with_the_same_fields(made):
    ticket, _ = made

    assert ticket(7, note="a") == ticket(7, note="b")
    assert ticket(7) != ticket(8)
    assert ticket(7) != classes(lean)[0](7)
    assert ticket(7) != 7


def test_frozen_ones_can_be_keys_and_others_cannot(made, options):
    one, same = (made[1](1.0, 2.0) for _ in range(2))

    if options:
        assert len({one, same}) == 1
    else:
        with pytest.raises(TypeError, match="unhashable"):
            hash(one)


def test_frozen_ones_cannot_be_changed(made, options):
    one = made[0](7)

    if not options:
        one.number = 8
        assert one.number == 8
        return
    with pytest.raises(FrozenInstanceError):
        one.number = 8
    with pytest.raises(FrozenInstanceError):
        del one.number


def test_there_is_no_place_for_more_than_the_fields(made):
    assert not hasattr(made[0](7), "__dict__")


def test_the_tools_of_the_standard_library_know_them(made):
    ticket, _ = made
    one = ticket(7, seat=3)

    assert [each.name for each in fields(ticket)] == ["number", "holder", "tags", "note", "stamp", "seat"]
    assert replace(one, number=8) == ticket(8, seat=3)
    assert asdict(one)["seat"] == 3
    assert astuple(one)[:2] == (7, "nobody")
    assert copy.deepcopy(one) == copy.copy(one) == one
    match one:
        case ticket(number, holder):
            assert (number, holder) == (7, "nobody")


def test_ordered_ones_compare_field_by_field():
    ordered = lean(frozen=True, slots=True, order=True)(type("Epoch", (), {"__annotations__": {"a": int, "b": int}}))

    assert ordered(1, 9) < ordered(2, 0) <= ordered(2, 0)
    assert ordered(2, 1) > ordered(2, 0) >= ordered(1, 1)
    with pytest.raises(TypeError):
        _ = ordered(1, 1) < 5


def test_one_that_inherits_has_the_fields_of_both():
    @lean(frozen=True, slots=True)
    class Spot(Point):
        z: int = 5

    assert repr(Spot(1)).endswith("Spot(x=1, y=0, z=5)")
    assert Spot(1) == Spot(1, 0, 5) != Point(1)
    assert Spot.__slots__ == ("z",)


def test_one_survives_being_pickled():
    assert pickle.loads(pickle.dumps(Point(1, 2))) == Point(1, 2)


def test_one_without_fields_is_equal_to_every_other():
    @lean(frozen=True, slots=True)
    class Nothing:
        pass

    assert Nothing() == Nothing()
    assert len({Nothing(), Nothing()}) == 1
