"""What holds of flag data in whatever order the stream, fetches and restarts bring it."""

from hypothesis import given
from hypothesis import strategies as st
from ldclient.versioned_data_kind import FEATURES, SEGMENTS

from webapp.flagdata import ObservedStore

KEYS = ("kill", "other")


def an_item(key, version, *, is_deleted=False):
    if is_deleted:
        return {"key": key, "version": version, "deleted": True}
    return {"key": key, "version": version, "on": version % 2 == 0, "variations": [True, False], "salt": "s"}


versions = st.integers(min_value=1, max_value=9)
keys = st.sampled_from(KEYS)
sets = st.dictionaries(keys, versions)
steps = st.one_of(
    st.tuples(st.sampled_from(["init", "fetched"]), sets),
    st.tuples(st.sampled_from(["upsert", "delete"]), st.tuples(keys, versions)),
    st.tuples(st.just("restart"), st.none()),
)


def data(chosen):
    return {FEATURES: {key: an_item(key, version) for key, version in chosen.items()}, SEGMENTS: {}}


def take(store, step):
    """Do one step; return the store that goes on."""
    what, given_ = step
    match what:
        case "init":
            store.init(data(given_))
        case "fetched":
            store.fetched(data(given_))
        case "upsert":
            store.upsert(FEATURES, an_item(*given_))
        case "delete":
            store.delete(FEATURES, *given_)
        case "restart":
            kept, store = store.snapshot(), ObservedStore()
            store.load(kept)
    return store


def newest_streamed(step):
    """Return the versions that a step of the stream brings."""
    what, given_ = step
    if what == "init":
        return given_
    return dict([given_]) if what in {"upsert", "delete"} else {}


@given(st.lists(steps, max_size=12))
def test_no_flag_goes_back_to_an_older_version(taken):
    store, highest = ObservedStore(), dict.fromkeys(KEYS, 0)
    for step in taken:
        store = take(store, step)
        for key in KEYS:
            held = store.flag(key)
            if held is not None:
                assert held.version >= highest[key], (step, key)
                highest[key] = held.version


@given(st.lists(steps, max_size=12))
def test_what_is_told_of_a_flag_is_what_is_evaluated(taken):
    store = ObservedStore()
    for step in taken:
        store = take(store, step)
        for key in KEYS:
            held, item = store.flag(key), store.get(FEATURES, key)
            assert (held is None) == (item is None)
            assert held is None or held.version == item["version"]
        assert set(store.flag_keys()) == set(store.all(FEATURES))
        assert {key for key, item in store.snapshot()[FEATURES].items() if not item.get("deleted")} == set(
            store.flag_keys()
        )


@given(st.lists(steps, max_size=12))
def test_only_what_was_fetched_and_not_streamed_is_deaf(taken):
    store, streamed = ObservedStore(), dict.fromkeys(KEYS, 0)
    for step in taken:
        before = store.has_unheard
        store = take(store, step)
        for key, version in newest_streamed(step).items():
            streamed[key] = max(streamed[key], version)
        for key in KEYS:
            if store.is_deaf(key):
                assert step[0] == "fetched" or before or store.flag(key).version > streamed[key]
                assert store.flag(key).version >= streamed[key]
        assert store.has_unheard >= any(store.is_deaf(key) for key in KEYS)


@given(st.lists(steps, max_size=12), sets)
def test_a_complete_set_of_the_newest_versions_ends_every_deafness(taken, last):
    store = ObservedStore()
    for step in taken:
        store = take(store, step)

    store.init(data({key: 100 + version for key, version in last.items()}))

    assert store.has_unheard is False
    assert set(store.flag_keys()) == set(last)
