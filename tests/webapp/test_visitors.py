"""Who looks at the feed."""

import pytest
from feed_parts import small_cast

from webapp.visitors import Visitors

DEVICE = "Hr48S_KV3H6rkE43GKMWew"


@pytest.fixture
def visitors():
    return Visitors(small_cast())


def test_a_new_visitor_is_sandy_on_a_new_device(visitors):
    one, other = visitors.of({}), visitors.of({})

    assert one.person.id == "sandy"
    assert one.device != other.device


def test_a_visitor_stays_who_they_are_on_their_device(visitors):
    visitor = visitors.of({"device": DEVICE, "visitor": "noor"})

    assert (visitor.device, visitor.person.id) == (DEVICE, "noor")


@pytest.mark.parametrize("device", ["", "short", "x" * 65, "a b c d e f g h i j", "💥" * 16, "<script>alert(1);"])
def test_an_odd_device_counts_as_none(visitors, device):
    assert visitors.of({"device": device}).device != device


def test_somebody_who_is_not_of_the_cast_is_sandy(visitors):
    assert visitors.of({"visitor": "mallory"}).person.id == "sandy"


def test_the_context_is_of_the_kinds_user_and_device(visitors):
    context = visitors.of({"device": DEVICE}).context()

    assert context.valid
    user, device = context.get_individual_context("user"), context.get_individual_context("device")
    assert (user.key, user.name, device.key) == ("example-user-key", "Sandy Sun", DEVICE)


def test_a_socket_has_the_cookies_of_its_page(visitors):
    visitor = visitors.of_environ({"HTTP_COOKIE": f"visitor=noor; device={DEVICE}"})

    assert (visitor.person.id, visitor.device) == ("noor", DEVICE)
