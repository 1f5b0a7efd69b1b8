"""Whatever JSON a patch puts wherever: a clean refusal, or a flag that is whole."""

import json

from flag_values import NOW_MS, a_config, a_flag
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.creation import new_flag, new_id
from opsctl.flagservice.documents import flag_document
from opsctl.flagservice.json_patch import CONFIG_MEMBERS, FLAG_MEMBERS, apply_json_patch, apply_merge_patch
from opsctl.flagservice.model import Environment, Project, Target
from opsctl.flagservice.parsing import parse_flag
from opsctl.flagservice.rest.flag_patch import _parsed
from opsctl.flagservice.sdk_payload import all_data
from opsctl.flagservice.validation import validate

FLAG = a_flag(environments={"test": a_config(targets=(Target(0, ("a",)), Target(1, ("d",), "device")))})
PROJECT = Project("default", "Default", "p", (Environment("test", "Test", "id", "sdk-x", "mob-x", 1),))

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 100_001),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=4),
)
values = st.recursive(
    scalars,
    lambda children: st.one_of(
        st.lists(children, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "value",
                    "values",
                    "variation",
                    "rollout",
                    "variations",
                    "weight",
                    "clauses",
                    "op",
                    "contextKind",
                    "name",
                ]
            ),
            children,
            max_size=4,
        ),
    ),
    max_leaves=12,
)
members = st.one_of(
    st.sampled_from(sorted(FLAG_MEMBERS)).map(lambda name: f"/{name}"),
    st.sampled_from(sorted(CONFIG_MEMBERS)).map(lambda name: f"/environments/test/{name}"),
)
paths = st.tuples(members, st.sampled_from(["", "", "/-", "/0", "/0/values", "/0/values/0", "/onVariation"])).map(
    "".join
)
operations = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": paths},
    optional={"value": values, "from": paths},
)


def check_whole(flag):
    validate(flag, {})
    assert repr(parse_flag(json.loads(json.dumps(flag_document(flag))), new_id)) == repr(flag)
    assert json.loads(all_data([flag], "test"))["segments"] == {}


@settings(max_examples=400, deadline=None)
@given(st.lists(operations, min_size=1, max_size=3))
def test_a_json_patch_is_refused_or_makes_a_whole_flag(patch):
    try:
        after = _parsed(FLAG, apply_json_patch(flag_document(FLAG), patch), NOW_MS)
        validate(after, {})
    except ApiError as refused:
        assert refused.status in {400, 409}  # noqa: PT017 - a flag that comes out whole is fine too
        return
    check_whole(after)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([*sorted(FLAG_MEMBERS), "environments", "key"]), values, max_size=3))
def test_a_merge_patch_is_refused_or_makes_a_whole_flag(merge):
    try:
        after = _parsed(FLAG, apply_merge_patch(flag_document(FLAG), merge), NOW_MS)
        validate(after, {})
    except ApiError:
        return
    check_whole(after)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from([*sorted(FLAG_MEMBERS), "isFlagOn", "initialPrerequisites"]), values, max_size=4)
)
def test_a_new_flag_is_refused_or_whole(body):
    try:
        flag = new_flag({"key": "new", "name": "New", **body}, PROJECT, NOW_MS)
        validate(flag, {})
    except ApiError:
        return
    check_whole(flag)
