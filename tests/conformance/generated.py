"""Generated flags and contexts: every operator, targets of several kinds, rollouts, prerequisites, segments."""

from hypothesis import strategies as st

KINDS = ("user", "org", "device")
KEYS = ("a", "b", "c", "d")
OPERANDS = {
    "in": ("red", "blue", 3, True),
    "startsWith": ("re", "b", ""),
    "endsWith": ("ed", "ue"),
    "contains": ("e", "lu"),
    "matches": ("^r.d$", "u+", "[rb]"),
    "lessThan": (3, 7.5),
    "lessThanOrEqual": (3,),
    "greaterThan": (3, -1),
    "greaterThanOrEqual": (3, 8),
    "before": ("2026-01-01T00:00:00Z", 1_790_000_000_000),
    "after": ("2026-01-01T00:00:00Z", "never"),
    "semVerEqual": ("2.0.0", "2"),
    "semVerLessThan": ("2.1.0", "x"),
    "semVerGreaterThan": ("1.9.9-beta.1",),
}
ATTRIBUTES = ("color", "size", "when", "release", "key", "kind", "/address/city", "colors", "missing")


@st.composite
def a_clause(draw, segments):
    if segments and draw(st.integers(0, 4)) == 0:
        values = draw(st.lists(st.sampled_from((*segments, "no-such-segment")), min_size=1, max_size=2))
        clause = {"attribute": "", "op": "segmentMatch", "values": values}
    else:
        op = draw(st.sampled_from(sorted(OPERANDS)))
        values = draw(st.lists(st.sampled_from(OPERANDS[op]), min_size=1, max_size=2))
        clause = {"attribute": draw(st.sampled_from(ATTRIBUTES)), "op": op, "values": values}
    return {**clause, "negate": draw(st.booleans()), "contextKind": draw(st.sampled_from(KINDS))}


@st.composite
def a_serve(draw, variations):
    if draw(st.booleans()):
        return {"variation": draw(st.integers(0, variations - 1))}
    # From 1 on: SDKs differ in whether a context of another kind, bucketed at 0, gets a first variation of weight 0.
    first = draw(st.integers(1, 100_000))
    weights = [first, 100_000 - first, *[0] * (variations - 2)]
    rollout = {
        "contextKind": draw(st.sampled_from(KINDS)),
        "variations": [{"variation": index, "weight": weight} for index, weight in enumerate(weights)],
    }
    rollout |= draw(st.sampled_from(({}, {"bucketBy": "color"}, {"seed": 61}, {"bucketBy": "/address/city"})))
    return {"rollout": rollout}


@st.composite
def targets(draw, variations):
    """Return keys by variation and kind, each key once per kind."""
    taken = draw(
        st.dictionaries(st.tuples(st.sampled_from(KINDS), st.sampled_from(KEYS)), st.integers(0, variations - 1))
    )
    found = {}
    for (kind, key), variation in taken.items():
        found.setdefault((kind, variation), []).append(key)
    return found


@st.composite
def a_config(draw, variations, required, segments):
    by_place = draw(targets(variations))
    others = [
        {"contextKind": kind, "variation": variation, "values": keys if kind != "user" else []}
        for (kind, variation), keys in by_place.items()
    ]
    rules = [
        {"clauses": draw(st.lists(a_clause(segments), min_size=1, max_size=2)), **draw(a_serve(variations))}
        for _ in range(draw(st.integers(0, 3)))
    ]
    return {
        "on": draw(st.sampled_from((True, True, True, False))),
        "offVariation": draw(st.integers(0, variations - 1)),
        "fallthrough": draw(a_serve(variations)),
        "targets": [
            {"variation": variation, "values": keys} for (kind, variation), keys in by_place.items() if kind == "user"
        ],
        "contextTargets": others if any(kind != "user" for kind, _ in by_place) else [],
        "rules": rules,
        "prerequisites": [
            {"key": key, "variation": draw(st.integers(0, 1))}
            for key in (draw(st.lists(st.sampled_from(required), unique=True, max_size=2)) if required else [])
        ],
    }


@st.composite
def a_segment(draw, earlier):
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True))
    half = len(keys) // 2
    return {
        "included": keys[:half],
        "excluded": keys[half:],
        "includedContexts": draw(
            st.lists(st.fixed_dictionaries({"contextKind": st.just("org"), "values": st.just(["a"])}), max_size=1)
        ),
        "rules": [
            {
                "clauses": draw(st.lists(a_clause(earlier), max_size=2)),
                **draw(
                    st.sampled_from(
                        ({}, {"weight": 50_000}, {"weight": 30_000, "rolloutContextKind": "org", "bucketBy": "key"})
                    )
                ),
            }
            for _ in range(draw(st.integers(0, 2)))
        ],
    }


@st.composite
def a_context(draw):
    def single(kind):
        attributes = draw(
            st.fixed_dictionaries(
                {"key": st.sampled_from(KEYS)},
                optional={
                    "color": st.sampled_from(("red", "blue", 3)),
                    "size": st.sampled_from((3, 8, 7.5, "3")),
                    "when": st.sampled_from(("2025-06-01T00:00:00Z", 1_795_000_000_000)),
                    "release": st.sampled_from(("2.0.0", "1.9.9", "2", "x")),
                    "address": st.just({"city": "red"}),
                    "colors": st.sampled_from((["red", "green"], [])),
                },
            )
        )
        return kind, attributes

    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, unique=True))
    if len(kinds) == 1:
        kind, attributes = single(kinds[0])
        return {"kind": kind, **attributes}
    return {"kind": "multi", **dict(map(single, kinds))}


@st.composite
def a_world(draw):
    """Return segments and configurations of flags with three variations, by name; later ones build on earlier ones."""
    segments = {}
    for name in ("s1", "s2"):
        segments[name] = draw(a_segment(list(segments)))
    configs = {}
    for name in ("f1", "f2", "f3", "f4"):
        configs[name] = draw(a_config(3, list(configs), list(segments)))
    return segments, configs, draw(st.lists(a_context(), min_size=6, max_size=6))
