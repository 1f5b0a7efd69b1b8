"""JSON patches and merge patches: what they may touch, and how failures are told apart."""

import pytest
from flag_values import a_flag

from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.documents import flag_document
from opsctl.flagservice.json_patch import apply_json_patch, apply_merge_patch

DOCUMENT = flag_document(a_flag())


def status_of(operations):
    with pytest.raises(ApiError) as refused:
        apply_json_patch(DOCUMENT, operations)
    return refused.value.status


def test_operations_apply_in_order_to_a_copy():
    patched = apply_json_patch(
        DOCUMENT,
        [
            {"op": "test", "path": "/_version", "value": 1},
            {"op": "replace", "path": "/environments/test/on", "value": False},
            {"op": "add", "path": "/environments/test/targets/-", "value": {"variation": 1, "values": ["a"]}},
            {"op": "add", "path": "/environments/test/targets/0/values/-", "value": "b"},
            {"op": "add", "path": "/tags/-", "value": "t"},
        ],
    )

    assert patched["environments"]["test"]["on"] is False
    assert patched["environments"]["test"]["targets"] == [{"variation": 1, "values": ["a", "b"]}]
    assert patched["tags"] == ["t"]
    assert flag_document(a_flag()) == DOCUMENT


def test_a_failed_test_is_a_conflict():
    assert status_of([{"op": "test", "path": "/_version", "value": 7}]) == 409
    assert status_of([{"op": "test", "path": "/nothing/here", "value": 7}]) == 409


@pytest.mark.parametrize("operations", [{"op": "replace"}, "text", 7, None, [1], [["op"]]])
def test_what_is_no_list_of_operations_is_not_understood(operations):
    assert status_of(operations) == 422


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/environments/moon/on", "value": True},
        {"op": "remove", "path": "/environments/test/rules/0"},
        {"op": "explode", "path": "/name", "value": 1},
        {"op": "replace", "path": "/name"},
        {"op": "replace", "path": "name", "value": "x"},
        {"op": "replace", "value": "x"},
        {"op": "replace", "path": "", "value": {}},
    ],
)
def test_an_operation_that_cannot_be_carried_out_is_invalid(operation):
    assert status_of([operation]) == 400


@pytest.mark.parametrize(
    "path",
    [
        *("/_version", "/key", "/creationDate", "/kind", "/_links", "/environments", "/environments/test"),
        *("/environments/test/version", "/environments/test/salt", "/environments/test/lastModified"),
        "/variations/0/_id",
    ],
)
def test_what_is_read_only_stays(path):
    assert status_of([{"op": "replace", "path": path, "value": 9}]) == 400
    assert status_of([{"op": "move", "from": path, "path": "/description"}]) == 400


def test_copies_that_double_each_time_are_refused_before_they_fill_the_memory():
    add = {"op": "add", "path": "/customProperties", "value": {"a": {"name": "a", "value": ["x" * 100]}}}
    doubling = [{"op": "copy", "from": "/customProperties", "path": f"/customProperties/k{n}"} for n in range(24)]

    assert status_of([add, *doubling]) == 400
    assert len(apply_json_patch(DOCUMENT, [add, *doubling[:3]])["customProperties"]) == 4


def test_operations_cannot_nest_deeper_than_a_request_may():
    nested = {}
    for _ in range(40):
        nested = {"a": nested}
    add = {"op": "add", "path": "/customProperties", "value": nested}

    assert status_of([add, {"op": "add", "path": "/customProperties" + "/a" * 40, "value": nested}]) == 400
    assert apply_json_patch(DOCUMENT, [add])["customProperties"] == nested


def test_nesting_beyond_all_measure_is_refused_too():
    nested = {}
    for _ in range(50):
        nested = {"a": nested}
    adds = [{"op": "add", "path": "/customProperties" + "/a" * (50 * n), "value": nested} for n in range(40)]

    assert status_of([*adds, {"op": "copy", "from": "/customProperties", "path": "/customProperties/b"}]) == 400


def test_a_merge_patch_changes_members_and_removes_nulls():
    patched = apply_merge_patch(DOCUMENT, {"name": "New", "description": None, "environments": {"test": {"on": False}}})

    assert (patched["name"], "description" in patched) == ("New", False)
    assert patched["environments"]["test"]["on"] is False
    assert patched["environments"]["production"] == DOCUMENT["environments"]["production"]


@pytest.mark.parametrize(
    "merge",
    [{"key": "x"}, {"environments": {"test": {"version": 9}}}, {"environments": {"test": None}}, {"_version": 3}],
)
def test_a_merge_patch_leaves_alone_what_is_read_only(merge):
    with pytest.raises(ApiError) as refused:
        apply_merge_patch(DOCUMENT, merge)

    assert refused.value.status == 400
