"""Who the visitors are, without sockets."""

from opsctl.core.load.devices import device_of
from opsctl.core.load.tally import Slot
from opsctl.simulation.visitors.crew import Crew, Part, person
from opsctl.simulation.visitors.hands import offset_of

THINK_S = (0.5, 1.5)
SECOND_NS = 1_000_000_000


def thoughts(who, count=20):
    return [who.think_s(THINK_S) for _ in range(count)]


def test_the_same_seed_gives_the_same_devices_and_thinks():
    assert person(7, 3).device == person(7, 3).device == device_of(7, 3)
    assert thoughts(person(7, 3)) == thoughts(person(7, 3))


def test_another_seed_or_another_number_is_another_visitor():
    assert len({person(seed, number).device for seed in (7, 8) for number in range(50)}) == 100
    assert thoughts(person(7, 3)) != thoughts(person(8, 3))
    assert thoughts(person(7, 3)) != thoughts(person(7, 4))


def test_thinks_are_spread_evenly_between_the_two():
    thinks = thoughts(person(7, 0), 2000)

    assert min(thinks) >= 0.5
    assert max(thinks) <= 1.5
    quarters = [sum(int((think - 0.5) * 4) == quarter for think in thinks) for quarter in range(4)]
    assert all(400 < count < 600 for count in quarters)


def test_a_visitor_who_comes_again_is_the_one_that_was_there_before():
    crew = Crew(seed=7, think_s=THINK_S, zero_ns=0)
    first, second, third = crew.arrive(), crew.arrive(), crew.arrive()
    before = thoughts(second)

    crew.leave(second)
    again = crew.arrive()

    assert [first.number, second.number, third.number, again.number] == [0, 1, 2, 1]
    assert thoughts(again) == before
    assert crew.present == 3


def test_the_parts_of_several_processes_are_together_the_same_visitors():
    parts = [Crew(seed=7, think_s=THINK_S, zero_ns=0, part=Part(index, 3)) for index in range(3)]

    numbers = [part.arrive().number for part in parts for _ in range(4)]

    assert sorted(numbers) == list(range(12))


def test_a_request_counts_where_it_began_and_when_it_ended():
    crew = Crew(seed=7, think_s=THINK_S, zero_ns=10 * SECOND_NS)
    crew.count(stretch=2, began_ns=12 * SECOND_NS, ended_ns=13 * SECOND_NS + 1, size=100, shown="full")
    crew.count(stretch=2, began_ns=12 * SECOND_NS, ended_ns=13 * SECOND_NS + 1, size=9, failure="503")

    taken = crew.take()

    assert taken.slots[Slot(2, 3, "full")].latency.percentile(50) == 1000
    assert taken.slots[Slot(2, 3, "")].failures == {"503": 1}
    assert taken.of_phases(2).sent_bytes == 109
    assert not crew.take().slots


def test_another_clock_is_known_best_from_the_quickest_exchange():
    exchanges = [(0, 900, 5000), (1000, 1100, 6050), (2000, 2500, 7400)]

    assert offset_of(exchanges) == (5000, 50)
