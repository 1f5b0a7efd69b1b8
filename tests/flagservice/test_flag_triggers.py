"""Flag triggers: made and changed through the official client, called by anybody who knows the URL."""

import itertools
import json
import re
from functools import partial

import launchdarkly_api as ld
import pytest
import urllib3
from launchdarkly_api.exceptions import ApiException, BadRequestException, ForbiddenException, NotFoundException
from support.flag_service import SEMANTIC_PATCH

from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.auditing import Author
from opsctl.flagservice.credentials import load_credentials
from opsctl.flagservice.pending_model import Place
from opsctl.flagservice.seed import KILL_SWITCH
from opsctl.flagservice.store import Store
from opsctl.flagservice.triggers import Triggers

numbers = itertools.count(1)
ON, OFF = {"kind": "turnFlagOn"}, {"kind": "turnFlagOff"}
PLACE = Place("default", KILL_SWITCH, "test")
http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(20))


@pytest.fixture
def rest(module_rest):
    return module_rest


@pytest.fixture
def api(rest):
    return rest("FlagTriggersApi")


@pytest.fixture
def key(rest):
    key = f"triggered-{next(numbers)}"
    rest("FeatureFlagsApi").post_feature_flag("default", ld.FeatureFlagBody(name=key, key=key, is_flag_on=True))
    return key


@pytest.fixture
def read(rest, key):
    return lambda: rest("FeatureFlagsApi").get_feature_flag("default", key).environments["test"]


def create(api, key, instruction=OFF, **more):
    body = ld.TriggerPost(integration_key="generic-trigger", instructions=[instruction], comment="too hot", **more)
    return api.create_trigger_workflow("default", "test", key, body)


def change(api, key, trigger, *instructions):
    body = ld.FlagTriggerInput(instructions=list(instructions))
    return api.patch_trigger_workflow("default", "test", key, trigger.id, body, _content_type=SEMANTIC_PATCH)


def call(url, body=b"", method="POST"):
    return http.request(method, url, body=body)


def test_calling_the_url_turns_the_flag_off_without_a_token_and_again_changes_nothing(api, key, read, rest):
    trigger = create(api, key)

    answers = [call(trigger.trigger_url, json.dumps({"alert": "latency"})).status for _ in range(3)]

    assert answers == [200, 200, 200]
    assert (read().on, read().version) == (False, 2)
    called = api.get_trigger_workflow_by_id("default", key, "test", trigger.id)
    assert (called.trigger_count, called.enabled, called.status, called.instructions) == (3, True, "active", [OFF])
    assert [one.json_body for one in called.recent_trigger_bodies] == [{"alert": "latency"}] * 3
    assert called.last_triggered_at == called.recent_trigger_bodies[0].timestamp
    audit = rest("AuditLogApi")
    entries = audit.get_audit_log_entries(spec=f"proj/default:env/test:flag/{key}").items
    assert [one.accesses[0].action for one in entries] == ["updateOn", "createTriggers", "createFlag"]
    assert entries[0].token is None
    assert entries[0].comment == "too hot"
    assert trigger.id in entries[0].description
    assert audit.get_audit_log_entry(entries[0].id).trigger_body == {"alert": "latency"}


def test_the_url_is_shown_once_is_of_launchdarklys_shape_and_is_kept_as_a_hash(flag_service, own_rest):
    api = own_rest("FlagTriggersApi")
    trigger = create(api, flag_service.flag)
    secret = trigger.trigger_url.rpartition("/")[2]

    assert trigger.trigger_url == f"{flag_service.url}/webhook/triggers/{trigger.id}/{secret}"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", secret)
    (listed,) = api.get_trigger_workflows("default", "test", flag_service.flag).items
    assert (listed.id, listed.trigger_url) == (trigger.id, None)
    assert api.get_trigger_workflow_by_id("default", flag_service.flag, "test", trigger.id).trigger_url is None
    call(trigger.trigger_url)
    shown = own_rest("AuditLogApi").get_audit_log_entries_without_preload_content(limit=20).data
    shown += b"".join(
        flag_service.request("GET", f"auditlog/{entry['_id']}").data for entry in json.loads(shown)["items"]
    )
    assert secret.encode() not in shown
    assert secret not in flag_service.stderr()
    kept = b"".join(path.read_bytes() for path in flag_service.data_dir.glob("flags.db*"))
    assert trigger.id.encode() in kept
    assert secret.encode() not in kept


def test_a_wrong_url_is_a_404_that_says_nothing_and_only_post_pulls(api, key, read):
    trigger = create(api, key)
    address, _, secret = trigger.trigger_url.rpartition("/")

    wrong = [
        f"{address}/{secret[:-1]}{'0' if secret[-1] != '0' else '1'}",
        f"{address}/",
        trigger.trigger_url.replace(trigger.id, "0" * 24),
    ]
    assert [call(url).status for url in wrong] == [404, 404, 404]
    assert json.loads(call(wrong[0]).data)["message"] == json.loads(call(wrong[2]).data)["message"]
    assert call(trigger.trigger_url, method="GET").status == 405

    assert read().on is True


def nested(levels):
    return b'{"a":' * (levels - 1) + b"{}" + b"}" * (levels - 1)


def test_a_body_that_is_nested_sixty_levels_is_kept(api, key, read):
    trigger = create(api, key)

    assert call(trigger.trigger_url, nested(60)).status == 200

    assert read().on is False
    (kept,) = api.get_trigger_workflow_by_id("default", key, "test", trigger.id).recent_trigger_bodies
    assert kept.json_body == json.loads(nested(60))


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[1]", b'"\\ud800"', b'{"a":"\\ud800"}', b"{" * 5000, b"\xff", nested(600), nested(61)]
)
def test_whatever_is_sent_the_trigger_works_and_only_an_object_is_kept(api, key, read, body):
    trigger = create(api, key)

    assert call(trigger.trigger_url, body).status == 200

    assert read().on is False
    (kept,) = api.get_trigger_workflow_by_id("default", key, "test", trigger.id).recent_trigger_bodies
    assert kept.json_body is None


def test_a_trigger_is_disabled_enabled_turned_round_and_cycled_by_semantic_patch(api, key, read):
    trigger = create(api, key)

    disabled = change(api, key, trigger, {"kind": "disableTrigger"})
    assert (disabled.enabled, disabled.status, disabled.version, disabled.trigger_url) == (False, "inactive", 2, None)
    assert call(trigger.trigger_url).status == 403
    assert read().on is True
    turned = {"kind": "replaceTriggerActionInstructions", "value": [OFF]}
    change(api, key, trigger, {"kind": "enableTrigger"}, turned)
    assert call(trigger.trigger_url).status == 200
    assert read().on is False
    change(api, key, trigger, turned | {"value": [ON]})
    assert call(trigger.trigger_url).status == 200
    assert read().on is True

    cycled = change(api, key, trigger, {"kind": "cycleTriggerUrl"}, turned)
    assert cycled.trigger_url.startswith(trigger.trigger_url.rpartition("/")[0])
    assert [call(url).status for url in (trigger.trigger_url, cycled.trigger_url)] == [404, 200]
    assert read().on is False


def test_a_patch_with_one_bad_instruction_changes_nothing(api, key, read):
    trigger = create(api, key)
    before = api.get_trigger_workflow_by_id("default", key, "test", trigger.id)

    for bad in ({"kind": "explode"}, {"kind": "replaceTriggerActionInstructions", "value": [ON, OFF]}):
        with pytest.raises(BadRequestException):
            change(api, key, trigger, {"kind": "cycleTriggerUrl"}, {"kind": "disableTrigger"}, bad)

    assert api.get_trigger_workflow_by_id("default", key, "test", trigger.id) == before
    assert call(trigger.trigger_url).status == 200


def test_a_trigger_does_one_thing_to_one_flag(api, key, rest):
    for bad in ({"kind": "archiveFlag"}, {}):
        with pytest.raises(BadRequestException):
            create(api, key, bad)
    with pytest.raises(NotFoundException):
        create(api, "nope")
    with pytest.raises(ForbiddenException):
        create(rest("FlagTriggersApi", role="reader"), key)

    assert api.get_trigger_workflows("default", "test", key).items == []


def test_a_deleted_trigger_and_one_of_a_deleted_flag_are_gone_for_good(api, key, rest):
    first, second = create(api, key), create(api, key)

    api.delete_trigger_workflow("default", "test", key, first.id)
    assert call(first.trigger_url).status == 404
    flags = rest("FeatureFlagsApi")
    flags.delete_feature_flag("default", key)
    flags.post_feature_flag("default", ld.FeatureFlagBody(name=key, key=key, is_flag_on=True))

    assert call(second.trigger_url).status == 404
    assert api.get_trigger_workflows("default", "test", key).items == []


def test_where_approval_is_required_triggers_are_not_made_but_those_there_are_work(api, key, read, rest):
    trigger = create(api, key)
    environments = rest("EnvironmentsApi", role="admin")
    setting = partial(ld.PatchOperation, op="replace", path="/approvalSettings/required")
    environments.patch_environment("default", "test", [setting(value=True)])

    try:
        with pytest.raises(ApiException) as refused:
            create(api, key)
        assert refused.value.status == 405
        assert call(trigger.trigger_url).status == 200
        assert read().on is False
    finally:
        environments.patch_environment("default", "test", [setting(value=False)])


class Clocked:
    """The triggers over a real database, and a clock that tests move."""

    def __init__(self, directory):
        self.now_ms = 1_790_000_000_000
        credentials = load_credentials(directory / "credentials.json")
        self.store = Store.open(directory / "flags.db", credentials, lambda: self.now_ms, lambda _: None)
        self.triggers = Triggers(self.store)
        token = next(iter(self.store.tokens()))
        author = Author(token=token)
        self.trigger, self.secret = self.triggers.create(PLACE, "generic-trigger", "turnFlagOff", author, token)

    def pull(self):
        return self.triggers.pull(self.trigger.id, self.secret, b"")


def test_more_than_twenty_calls_in_ten_seconds_are_a_429_that_says_when_to_come_back(tmp_path):
    clocked = Clocked(tmp_path)
    for _ in range(20):
        clocked.pull()
        clocked.now_ms += 100

    with pytest.raises(ApiError) as refused:
        clocked.pull()
    assert (refused.value.status, refused.value.code) == (429, "rate_limited")
    assert refused.value.headers["Retry-After"] == "8"
    clocked.now_ms += 8_000
    clocked.pull()

    assert clocked.triggers.get(PLACE, clocked.trigger.id).count == 21
    clocked.store.close()


def test_the_last_ten_calls_are_kept(tmp_path):
    clocked = Clocked(tmp_path)
    for _ in range(12):
        clocked.now_ms += 1000
        clocked.pull()

    calls = clocked.triggers.get(PLACE, clocked.trigger.id).calls
    assert [date_ms for date_ms, _ in calls] == [clocked.now_ms - 1000 * index for index in range(10)]
    clocked.store.close()
