"""Scheduled changes: the routes through the official client, the schedule itself over a clock that tests move."""

import itertools
import json
import sqlite3
import time
from dataclasses import replace
from functools import partial

import launchdarkly_api as ld
import pytest
from flag_values import a_flag
from launchdarkly_api.exceptions import ApiException, BadRequestException, ConflictException, NotFoundException
from support.flag_service import SEMANTIC_PATCH
from support.waiting import eventually

from opsctl.flagservice.auditing import Author
from opsctl.flagservice.credentials import load_credentials
from opsctl.flagservice.model import ApprovalSettings
from opsctl.flagservice.pending_model import COMPLETED, ApprovalRequest, Place
from opsctl.flagservice.pending_rows import write_request
from opsctl.flagservice.schedule import Schedule
from opsctl.flagservice.seed import KILL_SWITCH
from opsctl.flagservice.store import Store

numbers = itertools.count(1)
ON, OFF = {"kind": "turnFlagOn"}, {"kind": "turnFlagOff"}
START_MS = 1_790_000_000_000
PLACE = Place("default", KILL_SWITCH, "test")


class Clocked:
    """A store and its schedule over a real database, and a clock that stands still unless it is moved."""

    def __init__(self, directory, now_ms=START_MS):
        self.directory = directory
        self.now_ms = now_ms
        self.heard = []
        credentials = load_credentials(directory / "credentials.json")
        self.store = Store.open(directory / "flags.db", credentials, lambda: self.now_ms, self.heard.append)
        self.schedule = Schedule(self.store)
        self.token = next(iter(self.store.tokens()))
        self.author = Author(token=self.token, comment="as planned")

    def plan(self, in_ms, *instructions, place=PLACE, ignore_conflicts=False):
        change = self.schedule.planned(place, self.now_ms + in_ms, instructions, self.token, "as planned")
        return self.schedule.keep(change, self.author, ignore_conflicts=ignore_conflicts)

    def config(self):
        return self.store.flag("default", KILL_SWITCH).environments["test"]

    def advance(self, ms):
        self.now_ms += ms
        return self.schedule.run_due()

    def verbs(self):
        return [entry.title_verb for entry in self.store.audit_entries()]

    def require_approval(self, **more):
        settings = ApprovalSettings(required=True, **more)
        self.store.containers.change_environment(
            "default", "test", lambda one: replace(one, approval_settings=settings), self.author
        )

    def execute(self, statement, *values):
        self.store.ledger.connection.execute(statement, values)

    def failures(self):
        return [one.description for one in self.store.audit_entries() if one.title_verb.startswith("could not")]

    def again(self, after_ms=0):
        self.store.close()
        return Clocked(self.directory, self.now_ms + after_ms)


@pytest.fixture
def clocked(tmp_path):
    clocked = Clocked(tmp_path)
    yield clocked
    clocked.store.close()


def test_a_change_is_made_at_its_time_not_before_and_once(clocked):
    clocked.plan(1000, OFF)

    assert clocked.advance(999)
    assert clocked.config().on is True
    assert clocked.advance(1)
    assert (clocked.config().on, clocked.config().version) == (False, 2)
    assert clocked.schedule.next_ms() is None
    clocked.advance(10_000)
    assert clocked.config().version == 2
    entry = next(iter(clocked.store.audit_entries()))
    assert (entry.title_verb, entry.comment, entry.token_id) == ("turned off the flag", "as planned", clocked.token.id)
    assert entry.description.startswith("Scheduled change ")


def test_what_came_due_while_the_service_was_down_is_made_in_its_order_once(clocked):
    clocked.plan(2000, ON)
    clocked.plan(1000, OFF)
    clocked.plan(1500, {"kind": "updateTrackEvents", "trackEvents": True})

    again = clocked.again(after_ms=60_000)
    again.schedule.run_due()
    assert (again.config().on, again.config().version, again.config().track_events) == (True, 4, True)
    assert again.verbs()[:3] == ["turned on the flag", "updated the flag", "turned off the flag"]
    once_more = again.again(after_ms=60_000)
    once_more.schedule.run_due()

    assert once_more.config().version == 4
    once_more.store.close()


def test_a_change_that_was_interrupted_before_it_was_on_disk_is_made_on_the_next_try(clocked):
    clocked.plan(1000, OFF)
    other = sqlite3.connect(clocked.directory / "flags.db", isolation_level=None)
    clocked.store.ledger.connection.execute("PRAGMA busy_timeout=10")
    other.execute("BEGIN IMMEDIATE")

    assert clocked.advance(1000) is False
    assert clocked.config().on is True
    other.execute("ROLLBACK")
    other.close()

    assert clocked.advance(1000) is True
    assert (clocked.config().on, clocked.config().version) == (False, 2)


def test_a_change_that_asks_for_what_is_so_has_its_audit_entry_and_no_new_version(clocked):
    clocked.plan(1000, ON)

    clocked.advance(1000)

    assert clocked.config().version == 1
    assert clocked.verbs()[0] == "left as it was the flag"
    assert clocked.heard == []


def test_a_change_that_cannot_be_made_any_more_is_taken_off_and_leaves_the_flag_alone(clocked):
    flag = a_flag("three", variations=a_flag().variations)
    clocked.store.create_flag("default", flag, clocked.author)
    place = Place("default", "three", "test")
    bad = {"kind": "addPrerequisite", "key": KILL_SWITCH, "variationId": _variations(clocked)[0]}
    clocked.plan(1000, OFF, bad, place=place)
    clocked.plan(1000, {"kind": "updateTrackEvents", "trackEvents": True}, place=place)
    clocked.store.change_flag("default", KILL_SWITCH, _archived, clocked.author)

    assert clocked.advance(1000) is True

    config = clocked.store.flag("default", "three").environments["test"]
    assert (config.on, config.prerequisites, config.track_events) == (True, (), True)
    failed = [one for one in clocked.store.audit_entries() if one.title_verb.startswith("could not")]
    assert len(failed) == 1
    assert "is archived" in failed[0].description


def test_a_change_from_before_approval_was_required_is_taken_off_and_leaves_the_flag_alone(clocked):
    change = clocked.plan(1000, OFF)
    clocked.require_approval()

    assert clocked.advance(1000) is True

    assert (clocked.config().on, clocked.schedule.next_ms()) == (True, None)
    (failure,) = clocked.failures()
    assert failure.startswith(f"Scheduled change {change.id}: ")
    assert "approval is required" in failure


def test_a_change_from_before_approval_was_required_is_made_where_pending_changes_bypass_it(clocked):
    clocked.plan(1000, OFF)
    clocked.require_approval(bypass_approvals_for_pending_changes=True)

    assert clocked.advance(1000) is True

    assert (clocked.config().on, clocked.failures()) == (False, [])


@pytest.mark.parametrize("how", ["made", "changed"])
def test_a_change_that_an_approved_request_made_or_changed_is_made_where_approval_is_required(clocked, how):
    change = clocked.plan(1000, OFF)
    request = ApprovalRequest(
        "request", PLACE, "please", (OFF,), clocked.token, START_MS, status=COMPLETED, operating_on_id=change.id
    )
    if how == "made":
        request = replace(request, operating_on_id=None)
        clocked.schedule.keep(replace(change, approval_id=request.id), clocked.author, ignore_conflicts=False)
    write_request(clocked.store.ledger.connection, request)
    clocked.require_approval()

    assert clocked.advance(1000) is True

    assert (clocked.config().on, clocked.failures()) == (False, [])


def test_a_change_that_fails_by_a_defect_is_taken_off_and_those_after_it_are_made(clocked):
    broken = clocked.plan(1000, {"kind": "updateTrackEvents", "trackEvents": True})
    clocked.plan(2000, OFF)
    clocked.execute(
        "UPDATE scheduled_changes SET document = json_set(document, '$.instructions[0]', 'no object') WHERE id = ?",
        broken.id,
    )

    assert clocked.advance(5000) is True

    assert (clocked.config().on, clocked.config().track_events, clocked.schedule.next_ms()) == (False, False, None)
    (failure,) = clocked.failures()
    assert failure.startswith(f"Scheduled change {broken.id}: internal error")


def test_a_change_that_cannot_even_be_taken_off_is_tried_again_and_those_after_it_are_made(clocked):
    stuck = clocked.plan(1000, {"kind": "updateTrackEvents", "trackEvents": True})
    clocked.plan(2000, OFF)
    clocked.execute(
        "CREATE TRIGGER stuck BEFORE DELETE ON scheduled_changes"
        f" WHEN old.id = '{stuck.id}' BEGIN SELECT RAISE(ABORT, 'stuck'); END"
    )

    assert clocked.advance(5000) is False
    assert (clocked.config().on, clocked.config().track_events) == (False, False)
    assert clocked.schedule.next_ms() == stuck.execution_ms
    clocked.execute("DROP TRIGGER stuck")

    assert clocked.advance(0) is True
    assert clocked.config().track_events is True


def test_a_deleted_flag_takes_its_scheduled_changes_with_it(clocked):
    clocked.plan(1000, OFF)
    flag = clocked.store.flag("default", KILL_SWITCH)
    clocked.store.delete_flag("default", KILL_SWITCH, clocked.author)
    clocked.store.create_flag("default", flag, clocked.author)

    clocked.advance(1000)

    assert clocked.config().on is True
    assert clocked.schedule.next_ms() is None


def test_a_deleted_environment_takes_its_scheduled_changes_with_it(clocked):
    clocked.plan(1000, OFF)
    clocked.plan(2000, OFF, place=Place("default", KILL_SWITCH, "production"))

    clocked.store.containers.delete_environment("default", "test", clocked.author)

    assert clocked.schedule.next_ms() == START_MS + 2000


def _variations(clocked):
    return [one.id for one in clocked.store.flag("default", KILL_SWITCH).variations]


def _archived(flag):
    return replace(flag, archived_ms=START_MS)


@pytest.fixture
def rest(module_rest):
    return module_rest


@pytest.fixture
def api(rest):
    return rest("ScheduledChangesApi")


@pytest.fixture
def flags(rest):
    return rest("FeatureFlagsApi")


class SemanticPatch(ld.PatchWithComment):
    def to_dict(self):
        return json.loads(self.comment)


def new_flag(flags, **more):
    key = f"scheduled-{next(numbers)}"
    return flags.post_feature_flag("default", ld.FeatureFlagBody(name=key, key=key, is_flag_on=True, **more))


def later(seconds=3600.0):
    return int((time.time() + seconds) * 1000)


def schedule(api, key, *instructions, at=None, **more):
    body = ld.PostFlagScheduledChangesInput(
        execution_date=at or later(), instructions=list(instructions), comment="planned"
    )
    return api.post_flag_config_scheduled_changes("default", key, "test", body, **more)


def patch(flags, key, *instructions, **more):
    body = {"instructions": list(instructions), "comment": "", "environmentKey": "test"}
    semantic = SemanticPatch(patch=[], comment=json.dumps(body))
    return flags.patch_feature_flag("default", key, semantic, _content_type=SEMANTIC_PATCH, **more)


def test_the_service_makes_a_scheduled_change_by_itself_and_says_so_in_the_audit_log(api, flags, rest):
    key = new_flag(flags).key
    at = later(1.5)

    scheduled = schedule(api, key, OFF, at=at)
    assert (scheduled.execution_date, scheduled.instructions, scheduled.version) == (at, [OFF], 1)
    assert flags.get_feature_flag("default", key).environments["test"].on is True
    eventually(lambda: not flags.get_feature_flag("default", key).environments["test"].on, what="the change")

    assert time.time() * 1000 >= at
    assert flags.get_feature_flag("default", key).environments["test"].version == 2
    assert api.get_flag_config_scheduled_changes("default", key, "test").items == []
    (done, asked) = rest("AuditLogApi").get_audit_log_entries(spec=f"proj/*:env/test:flag/{key}").items[:2]
    assert (done.accesses[0].action, done.comment) == ("updateOn", "planned")
    assert asked.accesses[0].action == "updateScheduledChanges"
    assert done.var_date >= at


def test_scheduled_changes_are_listed_in_time_order_read_and_withdrawn(api, flags):
    key = new_flag(flags).key
    second, first = schedule(api, key, ON, at=later(7200)), schedule(api, key, OFF, at=later(3600))

    listed = api.get_flag_config_scheduled_changes("default", key, "test").items
    assert [one.id for one in listed] == [first.id, second.id]
    assert api.get_feature_flag_scheduled_change("default", key, "test", first.id) == listed[0]
    api.delete_flag_config_scheduled_changes("default", key, "test", first.id)

    assert [one.id for one in api.get_flag_config_scheduled_changes("default", key, "test").items] == [second.id]
    for gone in (api.get_feature_flag_scheduled_change, api.delete_flag_config_scheduled_changes):
        with pytest.raises(NotFoundException):
            gone("default", key, "test", first.id)


def test_a_scheduled_change_is_moved_replaced_and_deleted_by_semantic_patch(api, flags):
    key = new_flag(flags).key
    scheduled = schedule(api, key, OFF)
    moved = later(9999)
    change = partial(api.patch_flag_config_scheduled_change, "default", key, "test", scheduled.id)

    def sent(*instructions):
        return change(ld.FlagScheduledChangesInput(instructions=list(instructions)), _content_type=SEMANTIC_PATCH)

    changed = sent(
        {"kind": "updateScheduledChangesExecutionDate", "value": moved},
        {"kind": "replaceScheduledChangesInstructions", "value": [ON]},
    )
    assert (changed.execution_date, changed.instructions, changed.version) == (moved, [ON], 2)
    with pytest.raises(BadRequestException):
        sent({"kind": "updateScheduledChangesExecutionDate", "value": moved + 1}, {"kind": "explode"})
    with pytest.raises(BadRequestException):
        change(ld.FlagScheduledChangesInput(instructions=[]))
    assert api.get_feature_flag_scheduled_change("default", key, "test", scheduled.id) == changed
    assert sent({"kind": "deleteScheduledChange"}).id == scheduled.id
    assert api.get_flag_config_scheduled_changes("default", key, "test").items == []


def test_what_is_past_or_cannot_be_carried_out_cannot_be_scheduled(api, flags):
    key = new_flag(flags).key

    for at, instruction in ((later(-1), OFF), (10**17, OFF), (later(), {"kind": "explode"}), (later(), {})):
        with pytest.raises(BadRequestException):
            schedule(api, key, instruction, at=at)
    with pytest.raises(NotFoundException):
        schedule(api, "nope", OFF)

    assert api.get_flag_config_scheduled_changes("default", key, "test").items == []


def test_changes_that_get_in_each_others_way_are_a_409_unless_that_is_ignored(api, flags):
    flag = new_flag(flags, variations=[ld.Variation(value=value) for value in ("a", "b", "c")])
    middle = flag.variations[1].id
    serve = {"kind": "updateFallthroughVariationOrRollout", "variationId": middle}
    remove = {"kind": "removeVariation", "variationId": middle}
    first = schedule(api, flag.key, serve, at=later(7200))

    with pytest.raises(ConflictException):
        schedule(api, flag.key, remove, at=later(3600))
    ignored = schedule(api, flag.key, remove, at=later(3600), ignore_conflicts=True)

    assert ignored.conflicts == []
    (conflict,) = api.get_feature_flag_scheduled_change("default", flag.key, "test", first.id).conflicts
    assert conflict["instruction"] == serve
    assert middle in conflict["reason"]


def test_a_direct_change_that_would_break_a_scheduled_one_is_a_400_unless_that_is_ignored(api, flags):
    flag = new_flag(flags, variations=[ld.Variation(value=value) for value in ("a", "b", "c")])
    middle = flag.variations[1].id
    scheduled = schedule(api, flag.key, {"kind": "updateOffVariation", "variationId": middle})
    remove = {"kind": "removeVariation", "variationId": middle}

    for dry in (False, True):
        with pytest.raises(BadRequestException) as refused:
            patch(flags, flag.key, remove, dry_run=dry)
        assert scheduled.id in json.loads(refused.value.body)["message"]
    assert len(flags.get_feature_flag("default", flag.key).variations) == 3
    patch(flags, flag.key, remove, ignore_conflicts=True)

    assert len(flags.get_feature_flag("default", flag.key).variations) == 2
    patch(flags, flag.key, OFF)


def test_a_kill_is_never_in_the_way_of_what_is_scheduled(api, flags):
    key = new_flag(flags).key
    for instruction in (OFF, ON, OFF):
        schedule(api, key, instruction, at=later(3600 + next(numbers)))

    assert patch(flags, key, OFF).environments["test"].on is False
    assert patch(flags, key, ON).environments["test"].on is True


def test_archiving_a_flag_that_another_is_scheduled_to_need_is_a_400(api, flags):
    needed, needing = new_flag(flags), new_flag(flags)
    prerequisite = {"kind": "addPrerequisite", "key": needed.key, "variationId": needed.variations[0].id}
    schedule(api, needing.key, prerequisite)

    with pytest.raises(BadRequestException):
        patch(flags, needed.key, {"kind": "archiveFlag"})


def test_where_approval_is_required_nothing_is_scheduled_or_changed_directly_but_withdrawn(api, flags, rest):
    environments = rest("EnvironmentsApi", role="admin")
    key = new_flag(flags).key
    first, second = schedule(api, key, OFF), schedule(api, key, ON, at=later(7200))
    move = {"kind": "updateScheduledChangesExecutionDate", "value": later(9999)}
    setting = partial(ld.PatchOperation, op="replace", path="/approvalSettings/required")
    environments.patch_environment("default", "test", [setting(value=True)])

    def sent(*instructions):
        body = ld.FlagScheduledChangesInput(instructions=list(instructions))
        change = api.patch_flag_config_scheduled_change
        return change("default", key, "test", second.id, body, _content_type=SEMANTIC_PATCH)

    try:
        for refused in (partial(schedule, api, key, OFF), partial(sent, move)):
            with pytest.raises(ApiException) as refusal:
                refused()
            assert refusal.value.status == 405
        api.delete_flag_config_scheduled_changes("default", key, "test", first.id)
        assert sent({"kind": "deleteScheduledChange"}).id == second.id
        assert api.get_flag_config_scheduled_changes("default", key, "test").items == []
    finally:
        environments.patch_environment("default", "test", [setting(value=False)])


@pytest.mark.acceptance
def test_what_comes_due_while_the_process_is_dead_is_made_once_when_it_starts_again(flag_service, own_rest):
    api = own_rest("ScheduledChangesApi")
    at = later(1.0)
    body = ld.PostFlagScheduledChangesInput(execution_date=at, instructions=[OFF], comment="planned")
    api.post_flag_config_scheduled_changes("default", flag_service.flag, "test", body)
    flag_service.kill_hard()
    eventually(lambda: time.time() * 1000 > at + 200, what="the time of the change")

    flag_service.start()

    read = partial(own_rest("FeatureFlagsApi").get_feature_flag, "default", flag_service.flag)
    assert (read().environments["test"].on, read().environments["test"].version) == (False, 2)
    flag_service.restart()
    assert read().environments["test"].version == 2
