"""Projects, environments and their keys, by the official REST client; what SDKs notice of them."""

import http.client
import json
import time
from urllib.parse import urlsplit

import launchdarkly_api as ld
import pytest
from launchdarkly_api.exceptions import (
    BadRequestException,
    ConflictException,
    NotFoundException,
)
from support.rest_client import rest_api
from support.waiting import DEADLINE_S, eventually

KILL_SWITCH = "show-avatars-and-reccs"


@pytest.fixture
def projects(account):
    return rest_api(account, "ProjectsApi")


@pytest.fixture
def environments(account):
    return rest_api(account, "EnvironmentsApi")


@pytest.fixture
def flags(account):
    return rest_api(account, "FeatureFlagsApi")


def replace(path, value):
    return ld.PatchOperation(op="replace", path=path, value=value)


def new_project(projects, key, **body):
    return projects.post_project(ld.ProjectPost(**{"key": key, "name": key.title(), **body}))


def new_environment(environments, project, key, **body):
    return environments.post_environment(
        project, ld.EnvironmentPost(**{"key": key, "name": key.title(), "color": "112233", **body})
    )


def status_of(service, key, path="/sdk/latest-all"):
    parts = urlsplit(service.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=DEADLINE_S)
    connection.request("GET", path, headers={"Authorization": key})
    response = connection.getresponse()
    if path != "/all":
        response.read()
    return response.status


def test_a_project_begins_with_two_environments_and_is_found_again(projects):
    made = new_project(projects, "shop", tags=["b", "a"])

    assert sorted(one.key for one in made.environments) == ["production", "test"]
    assert (made.name, made.tags) == ("Shop", ["a", "b"])
    read = projects.get_project("shop", expand="environments")
    assert (read.id, read.environments.total_count) == (made.id, 2)
    assert projects.get_project("shop").environments is None
    with pytest.raises(ConflictException):
        new_project(projects, "shop")


def test_a_project_is_made_with_the_environments_that_are_named(projects):
    environment = ld.EnvironmentPost(key="blue", name="Blue", color="0000FF", critical=True, require_comments=True)

    made = new_project(projects, "named", environments=[environment])

    (blue,) = made.environments
    assert (blue.key, blue.critical, blue.require_comments) == ("blue", True, True)
    assert blue.api_key.startswith("sdk-")


def test_projects_are_filtered_sorted_and_paged(projects):
    for key, tags in (("list-a", ["red"]), ("list-b", ["red", "blue"]), ("list-c", [])):
        new_project(projects, key, tags=tags)

    def keys(**query):
        return [one.key for one in projects.get_projects(**query).items]

    assert keys(filter="query:LIST-", sort="-name") == ["list-c", "list-b", "list-a"]
    assert keys(filter="query:list-", sort="createdOn") == ["list-a", "list-b", "list-c"]
    assert keys(filter="tags:red+blue") == ["list-b"]
    assert keys(filter="keys:list-a|list-c", sort="name") == ["list-a", "list-c"]
    page = projects.get_projects(filter="query:list-", sort="name", limit=1, offset=1)
    assert ([one.key for one in page.items], page.total_count) == (["list-b"], 3)
    assert sorted(page.links) == ["first", "last", "next", "prev", "self"]
    for query in ({"filter": "colour:red"}, {"sort": "colour"}):
        with pytest.raises(BadRequestException):
            projects.get_projects(**query)


def test_a_project_is_changed_by_a_json_patch(projects):
    new_project(projects, "changing")

    changed = projects.patch_project(
        "changing",
        [
            replace("/name", "Changed"),
            ld.PatchOperation(op="add", path="/tags/0", value="new"),
            replace("/includeInSnippetByDefault", True),
        ],
    )

    assert (changed.name, changed.tags) == ("Changed", ["new"])
    assert changed.default_client_side_availability.using_environment_id is True
    assert len(changed.environments) == 2
    with pytest.raises(BadRequestException):
        projects.patch_project("changing", [replace("/key", "other")])
    with pytest.raises(ConflictException):
        projects.patch_project("changing", [ld.PatchOperation(op="test", path="/name", value="old")])


def test_new_flags_begin_as_the_project_says_where_their_creator_does_not(projects, flags):
    new_project(projects, "defaults")
    with pytest.raises(NotFoundException):
        projects.get_flag_defaults_by_project("defaults")
    payload = ld.UpsertFlagDefaultsPayload(
        tags=["ops"],
        temporary=False,
        boolean_defaults=ld.BooleanFlagDefaults(
            true_display_name="Enabled",
            false_display_name="Disabled",
            true_description="",
            false_description="",
            on_variation=0,
            off_variation=1,
        ),
        default_client_side_availability=ld.DefaultClientSideAvailability(
            using_mobile_key=True, using_environment_id=False
        ),
    )

    projects.put_flag_defaults_by_project("defaults", payload)
    projects.patch_flag_defaults_by_project("defaults", [replace("/booleanDefaults/trueDisplayName", "Running")])

    assert projects.get_flag_defaults_by_project("defaults").boolean_defaults.true_display_name == "Running"
    flag = flags.post_feature_flag("defaults", ld.FeatureFlagBody(name="x", key="x"))
    assert (flag.temporary, flag.tags) == (False, ["ops"])
    assert [one.name for one in flag.variations] == ["Running", "Disabled"]
    assert flag.client_side_availability.using_mobile_key is True
    own = flags.post_feature_flag("defaults", ld.FeatureFlagBody(name="y", key="y", temporary=True, tags=["mine"]))
    assert (own.temporary, own.tags) == (True, ["mine"])


def test_a_deleted_project_takes_its_flags_and_keys_along_and_versions_go_on(account, projects, flags):
    project = new_project(projects, "short-lived")
    key = project.environments[0].api_key
    flags.post_feature_flag("short-lived", ld.FeatureFlagBody(name="x", key="x"))
    flags.patch_feature_flag(
        "short-lived", "x", ld.PatchWithComment(patch=[replace("/environments/test/on", True)], comment="")
    )
    assert status_of(account, key) == 200

    projects.delete_project("short-lived")

    assert status_of(account, key) == 401
    for missing in (
        lambda: projects.get_project("short-lived"),
        lambda: flags.get_feature_flags("short-lived"),
        lambda: projects.delete_project("short-lived"),
    ):
        with pytest.raises(NotFoundException):
            missing()
    account.restart()
    with pytest.raises(NotFoundException):
        projects.get_project("short-lived")
    again = new_project(projects, "short-lived")
    flag = flags.post_feature_flag("short-lived", ld.FeatureFlagBody(name="x", key="x"))
    assert key not in {one.api_key for one in again.environments}
    assert flag.environments["test"].version > 2
    account.restart()
    assert flags.get_feature_flag("short-lived", "x").environments["test"].version == flag.environments["test"].version


def test_the_last_project_and_the_last_environment_stay(flag_service):
    projects, environments = rest_api(flag_service, "ProjectsApi"), rest_api(flag_service, "EnvironmentsApi")

    with pytest.raises(ld.exceptions.ApiException) as refused:
        projects.delete_project("default")
    assert refused.value.status == 400
    environments.delete_environment("default", "production")
    with pytest.raises(ld.exceptions.ApiException) as refused:
        environments.delete_environment("default", "test")
    assert refused.value.status == 400


def test_environments_are_filtered_sorted_and_paged(environments, projects):
    new_project(projects, "places")
    new_environment(environments, "places", "alpha", tags=["eu"], critical=True)
    new_environment(environments, "places", "beta", tags=["eu", "us"])

    def keys(**query):
        return [one.key for one in environments.get_environments_by_project("places", **query).items]

    assert keys(filter="query:ALP") == ["alpha"]
    assert keys(filter="tags:eu+us") == ["beta"]
    assert keys(filter="critical:true") == ["alpha"]
    assert keys(sort="-name") == ["test", "production", "beta", "alpha"]
    assert keys(sort="-critical,name")[:2] == ["alpha", "beta"]
    assert keys(limit=1, offset=2) == ["alpha"]
    with pytest.raises(BadRequestException):
        keys(filter="critical:maybe")


def test_an_environment_has_every_field_of_its_body_and_each_can_be_patched(environments):
    made = new_environment(
        environments,
        "default",
        "strict",
        default_ttl=5,
        secure_mode=True,
        default_track_events=True,
        confirm_changes=True,
        require_comments=True,
        critical=True,
        tags=["t"],
    )

    assert (made.default_ttl, made.secure_mode, made.default_track_events) == (5, True, True)
    assert (made.confirm_changes, made.require_comments, made.critical, made.tags) == (True, True, True, ["t"])
    changed = environments.patch_environment(
        "default",
        "strict",
        [
            replace("/name", "Lax"),
            replace("/defaultTtl", 0),
            replace("/secureMode", False),
            replace("/confirmChanges", False),
            replace("/requireComments", False),
            replace("/critical", False),
        ],
    )
    assert (changed.name, changed.default_ttl, changed.secure_mode) == ("Lax", 0, False)
    assert (changed.confirm_changes, changed.require_comments, changed.critical) == (False, False, False)
    assert environments.get_environment("default", "strict").to_dict() == changed.to_dict()
    for path in ("/key", "/apiKey", "/_id"):
        with pytest.raises(BadRequestException):
            environments.patch_environment("default", "strict", [replace(path, "mine")])
    with pytest.raises(ConflictException):
        environments.patch_environment(
            "default", "strict", [ld.PatchOperation(op="test", path="/name", value="Strict")]
        )


def test_approval_settings_are_kept_and_their_rules_hold(environments):
    made = new_environment(environments, "default", "approved")
    assert made.approval_settings.required is False

    changed = environments.patch_environment(
        "default",
        "approved",
        [replace("/approvalSettings/required", True), replace("/approvalSettings/minNumApprovals", 2)],
    )

    assert (changed.approval_settings.required, changed.approval_settings.min_num_approvals) == (True, 2)
    for path, value in (
        ("/approvalSettings/requiredApprovalTags", ["x"]),
        ("/approvalSettings/minNumApprovals", 0),
        ("/approvalSettings/minNumApprovals", 6),
        ("/approvalSettings/serviceKind", "servicenow"),
        ("/approvalSettings", 7),
    ):
        with pytest.raises(BadRequestException):
            environments.patch_environment("default", "approved", [replace(path, value)])
    assert environments.get_environment("default", "approved").to_dict() == changed.to_dict()


def test_an_environment_may_begin_as_a_copy_of_another(environments, flags):
    body = ld.EnvironmentPost(key="copy", name="Copy", color="112233", source=ld.SourceEnv(key="production"))

    environments.post_environment("default", body)

    flag = flags.get_feature_flag("default", KILL_SWITCH)
    assert flag.environments["copy"].on is flag.environments["production"].on is True
    with pytest.raises(BadRequestException):
        environments.post_environment(
            "default", ld.EnvironmentPost(key="c2", name="C", color="112233", source=ld.SourceEnv(key="moon"))
        )


def test_a_deleted_environment_is_gone_from_every_flag_and_versions_go_on_when_it_is_made_again(
    account, environments, flags
):
    made = new_environment(environments, "default", "brief")
    patch = ld.PatchWithComment(patch=[replace("/environments/brief/on", True)], comment="")
    version = flags.patch_feature_flag("default", KILL_SWITCH, patch).environments["brief"].version

    environments.delete_environment("default", "brief")

    assert "brief" not in flags.get_feature_flag("default", KILL_SWITCH).environments
    assert status_of(account, made.api_key) == 401
    account.restart()
    with pytest.raises(NotFoundException):
        environments.get_environment("default", "brief")
    again = new_environment(environments, "default", "brief")
    assert again.api_key != made.api_key
    assert flags.get_feature_flag("default", KILL_SWITCH).environments["brief"].version > version


def test_a_new_sdk_key_is_good_at_once_and_the_old_one_no_longer(account, environments):
    old = new_environment(environments, "default", "rotated").api_key

    new = environments.reset_environment_sdk_key("default", "rotated").api_key

    assert new.startswith("sdk-")
    assert [status_of(account, key, path) for key in (new, old) for path in ("/sdk/latest-all", "/all")] == [
        *(200, 200),
        *(401, 401),
    ]
    account.restart()
    assert (status_of(account, new), status_of(account, old)) == (200, 401)


def test_with_an_expiry_both_sdk_keys_are_good_until_then(account, environments):
    old = new_environment(environments, "default", "overlap").api_key

    new = environments.reset_environment_sdk_key("default", "overlap", expiry=int(time.time() * 1000) + 6_000).api_key

    assert (status_of(account, old), status_of(account, new)) == (200, 200)
    eventually(lambda: status_of(account, old) == 401, what="the old key to end")
    assert status_of(account, new) == 200


def test_the_ready_file_tells_of_new_keys_as_they_come(account, environments):
    def told():
        return json.loads(account.ready_file.read_text())["environments"]

    made = new_environment(environments, "default", "told")
    assert told()["told"]["sdk_key"] == made.api_key
    rotated = environments.reset_environment_sdk_key("default", "told")
    assert told()["told"]["sdk_key"] == rotated.api_key
    environments.delete_environment("default", "told")
    assert "told" not in told()


def test_without_the_project_it_began_with_the_service_still_starts(flag_service):
    projects = rest_api(flag_service, "ProjectsApi")
    new_project(projects, "instead")
    projects.delete_project("default")

    flag_service.restart()

    assert [one.key for one in projects.get_projects().items] == ["instead"]
    assert json.loads(flag_service.ready_file.read_text())["environments"] == {}


def test_a_deleted_environment_takes_what_was_scheduled_in_it_along(account, environments, flags):
    new_environment(environments, "default", "doomed")
    change = ld.PostFlagScheduledChangesInput(
        execution_date=int(time.time() * 1000) + 1_500, instructions=[{"kind": "turnFlagOn"}]
    )
    rest_api(account, "ScheduledChangesApi").post_flag_config_scheduled_changes(
        "default", KILL_SWITCH, "doomed", change
    )
    version = flags.get_feature_flag("default", KILL_SWITCH).version

    environments.delete_environment("default", "doomed")

    eventually(lambda: time.time() * 1000 > change.execution_date + 1_000, what="its time to be over")
    assert flags.get_feature_flag("default", KILL_SWITCH).version == version + 1
    account.restart()
    new_environment(environments, "default", "doomed")
    assert flags.get_feature_flag("default", KILL_SWITCH).environments["doomed"].on is False
    assert (
        rest_api(account, "ScheduledChangesApi")
        .get_flag_config_scheduled_changes("default", KILL_SWITCH, "doomed")
        .items
        == []
    )


def test_a_stream_ends_when_its_key_does(account, environments):
    key = new_environment(environments, "default", "streaming").api_key
    parts = urlsplit(account.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=DEADLINE_S)
    connection.request("GET", "/all", headers={"Authorization": key})
    stream = connection.getresponse()
    assert stream.readline() == b"event: put\n"

    environments.reset_environment_sdk_key("default", "streaming")

    assert b"event: patch" not in stream.read()


def test_a_stream_under_a_key_with_an_expiry_goes_on(account, environments, flags):
    key = new_environment(environments, "default", "lasting").api_key
    parts = urlsplit(account.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=DEADLINE_S)
    connection.request("GET", "/all", headers={"Authorization": key})
    stream = connection.getresponse()

    environments.reset_environment_sdk_key("default", "lasting", expiry=int(time.time() * 1000) + 600_000)
    flags.patch_feature_flag(
        "default", KILL_SWITCH, ld.PatchWithComment(patch=[replace("/environments/lasting/on", True)], comment="")
    )

    lines = iter(stream.readline, b"")
    assert next(line for line in lines if line.startswith(b"event: patch"))
    connection.close()


def test_a_new_mobile_key_replaces_the_old_one(environments):
    made = new_environment(environments, "default", "phones")

    changed = environments.reset_environment_mobile_key("default", "phones")

    assert changed.mobile_key.startswith("mob-")
    assert (changed.mobile_key == made.mobile_key, changed.api_key) == (False, made.api_key)


def test_the_audit_log_tells_of_projects_and_environments_and_shows_no_key(account, projects, environments):
    new_project(projects, "watched")
    projects.patch_project("watched", [replace("/name", "Seen")])
    made = new_environment(environments, "watched", "stage")
    environments.patch_environment("watched", "stage", [replace("/critical", True)])
    rotated = environments.reset_environment_sdk_key("watched", "stage")
    environments.delete_environment("watched", "stage")
    projects.delete_project("watched")

    audit = rest_api(account, "AuditLogApi")
    entries = audit.get_audit_log_entries(spec="proj/watched").items

    assert [one.accesses[0].action for one in reversed(entries)] == [
        *("createProject", "updateProjectName", "createEnvironment", "updateCritical"),
        *("updateApiKey", "deleteEnvironment", "deleteProject"),
    ]
    details = json.dumps([audit.get_audit_log_entry(one.id).to_dict() for one in entries], default=str)
    assert not [key for key in (made.api_key, rotated.api_key, made.mobile_key) if key in details]


def test_a_patch_of_the_wrong_type_is_a_422(account):
    for path in ("projects/default", "projects/default/environments/test"):
        assert account.request("PATCH", path, {"name": "x"}).status == 422
