"""Access tokens, by the official REST client."""

import json
import sqlite3
import time

import launchdarkly_api as ld
import pytest
from launchdarkly_api.exceptions import (
    BadRequestException,
    ForbiddenException,
    NotFoundException,
    UnauthorizedException,
)
from support.rest_client import rest_api
from support.waiting import eventually

KILL_SWITCH = "show-avatars-and-reccs"
# The client says so of `reset_token`; LaunchDarkly still answers it.
pytestmark = pytest.mark.filterwarnings("ignore:POST /api/v2/tokens:DeprecationWarning")


@pytest.fixture
def tokens(account):
    return rest_api(account, "AccessTokensApi", role="admin")


def new_token(tokens, **body):
    return tokens.post_token(ld.AccessTokenPost(**{"name": "ci", "role": "writer", "service_token": True, **body}))


def works(account, secret):
    try:
        rest_api(account, "FeatureFlagsApi", token=secret).get_feature_flag("default", KILL_SWITCH)
    except UnauthorizedException:
        return False
    return True


def test_the_three_of_the_ready_file_are_listed_with_their_last_characters_only(account, tokens):
    found = {one.name: one for one in tokens.get_tokens().items}

    for role in ("reader", "writer", "admin"):
        token = found[f"opsctl {role}"]
        assert (token.role, token.token, token.service_token) == (role, account.token(role)[-4:], True)


def test_the_list_is_paged(tokens):
    first = tokens.get_tokens(limit=2)

    rest = tokens.get_tokens(limit=100, offset=2)
    assert len(first.items) == 2
    assert first.total_count == 2 + len(rest.items)
    assert first.links["next"].href == "/api/v2/tokens?limit=2&offset=2"
    assert not {one.id for one in first.items} & {one.id for one in rest.items}


def test_a_secret_is_shown_when_it_is_made_and_never_again(account, tokens):
    made = new_token(tokens, description="of the pipeline")

    read = tokens.get_token(made.id)
    assert made.token.startswith("api-")
    assert (read.token, read.description, read.role) == (made.token[-4:], "of the pipeline", "writer")
    assert works(account, made.token)
    assert made.token not in json.dumps([one.to_dict() for one in tokens.get_tokens(limit=100).items], default=str)


def test_no_secret_is_on_disk(account, tokens):
    secret = new_token(tokens).token

    with sqlite3.connect(account.data_dir / "flags.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    files = [path for path in account.data_dir.iterdir() if path.name.startswith("flags.db")]
    assert files
    assert not [path for path in files if secret.encode() in path.read_bytes()]


@pytest.mark.parametrize(("role", "may_write"), [("reader", False), ("writer", True), ("admin", True)])
def test_a_token_may_do_what_its_role_says(account, tokens, role, may_write):
    flags = rest_api(account, "FeatureFlagsApi", token=new_token(tokens, role=role).token)

    def write():
        flags.post_feature_flag("default", ld.FeatureFlagBody(name="x", key=f"by-{role}"))

    if may_write:
        write()
    else:
        with pytest.raises(ForbiddenException):
            write()


@pytest.mark.parametrize("role", ["reader", "writer"])
def test_only_admins_manage_tokens(account, tokens, role):
    others = rest_api(account, "AccessTokensApi", role=role)
    target = new_token(tokens)

    assert others.get_token(target.id).name == "ci"
    for refused in (
        lambda: new_token(others),
        lambda: others.patch_token(target.id, [ld.PatchOperation(op="replace", path="/role", value="admin")]),
        lambda: others.reset_token(target.id),
        lambda: others.delete_token(target.id),
    ):
        with pytest.raises(ForbiddenException) as error:
            refused()
        assert error.value.data is None or error.value.data.code == "forbidden"
    assert works(account, target.token)


def test_a_deleted_token_stops_working_at_once_and_for_good(account, tokens):
    made = new_token(tokens)
    assert works(account, made.token)

    tokens.delete_token(made.id)

    assert not works(account, made.token)
    with pytest.raises(NotFoundException):
        tokens.get_token(made.id)
    account.restart()
    assert not works(account, made.token)


def test_one_of_the_ready_file_that_is_deleted_does_not_come_back_with_a_restart(account, flag_service):
    tokens = rest_api(flag_service, "AccessTokensApi", role="admin")
    (reader,) = [one for one in tokens.get_tokens().items if one.role == "reader"]

    tokens.delete_token(reader.id)
    flag_service.restart()

    assert not works(flag_service, flag_service.token("reader"))
    assert works(flag_service, flag_service.token("writer"))


def test_a_reset_gives_a_new_secret_and_ends_the_old_one(account, tokens):
    made = new_token(tokens)

    reset = tokens.reset_token(made.id)

    assert (reset.id, reset.token == made.token) == (made.id, False)
    assert (works(account, made.token), works(account, reset.token)) == (False, True)


def test_with_an_expiry_the_old_secret_works_until_then(account, tokens):
    made = new_token(tokens)

    reset = tokens.reset_token(made.id, expiry=int(time.time() * 1000) + 6_000)

    assert works(account, reset.token)
    assert works(account, made.token)
    eventually(lambda: not works(account, made.token), what="the old secret to end")
    assert works(account, reset.token)


def test_a_token_ends_with_its_own_expiry(account, tokens):
    made = new_token(tokens, expiry=int(time.time() * 1000) + 2_000)

    assert made.expiry is not None
    eventually(lambda: not works(account, made.token), what="the token to end")


def test_a_token_is_changed_by_a_json_patch(account, tokens):
    made = new_token(tokens, role="reader")

    changed = tokens.patch_token(
        made.id,
        [
            ld.PatchOperation(op="replace", path="/name", value="deploys"),
            ld.PatchOperation(op="replace", path="/role", value="writer"),
        ],
    )

    assert (changed.name, changed.role, changed.token) == ("deploys", "writer", made.token[-4:])
    rest_api(account, "FeatureFlagsApi", token=made.token).post_feature_flag(
        "default", ld.FeatureFlagBody(name="x", key="by-a-promoted-token")
    )


@pytest.mark.parametrize(
    "body",
    [
        {"custom_role_ids": ["deployer"]},
        {"inline_role": [ld.StatementPost(effect="allow", actions=["*"], resources=["proj/*"])]},
        {"default_api_version": 20160426},
        {"expiry": 1},
    ],
    ids=["custom role", "inline role", "old version", "past expiry"],
)
def test_what_is_not_supported_is_a_400(tokens, body):
    with pytest.raises(BadRequestException) as refused:
        new_token(tokens, **body)
    assert refused.value.data.code == "invalid_request"


@pytest.mark.parametrize("path", ["/token", "/_id", "/serviceToken"])
def test_a_secret_cannot_be_patched(tokens, path):
    made = new_token(tokens)

    with pytest.raises(BadRequestException):
        tokens.patch_token(made.id, [ld.PatchOperation(op="replace", path=path, value="api-mine")])


def test_the_audit_log_names_who_made_and_revoked_a_token_and_no_secret(account, tokens):
    made = new_token(tokens, name="audited")
    tokens.reset_token(made.id)
    tokens.delete_token(made.id)

    audit = rest_api(account, "AuditLogApi")
    entries = audit.get_audit_log_entries(q="audited").items

    assert [one.accesses[0].action for one in entries] == ["deleteAccessToken", "resetAccessToken", "createAccessToken"]
    assert {one.kind for one in entries} == {"token"}
    assert {one.token.name for one in entries} == {"opsctl admin"}
    details = json.dumps([audit.get_audit_log_entry(one.id).to_dict() for one in entries], default=str)
    assert made.token not in details


def test_the_caller_is_told_which_token_it_is_and_that_it_may_be_personal(account, tokens):
    made = new_token(tokens, name="mine", service_token=False)

    identity = rest_api(account, "OtherApi", token=made.token).get_caller_identity()
    me = rest_api(account, "AccountMembersApi", token=made.token).get_member("me")

    assert (identity.token_id, identity.token_name, identity.token_kind) == (made.id, "mine", "personal")
    assert (identity.service_token, identity.member_id, identity.scopes) == (False, me.id, ["writer"])
    assert (me.role, made.member_id) == ("writer", me.id)
    assert [one.id for one in rest_api(account, "AccountMembersApi").get_members().items] == [me.id]
    with pytest.raises(NotFoundException):
        rest_api(account, "AccountMembersApi").get_member("someone")
    assert made.id not in {one.id for one in tokens.get_tokens(limit=100).items}
    assert made.id in {one.id for one in tokens.get_tokens(limit=100, show_all=True).items}


def test_the_root_and_the_versions(account):
    other = rest_api(account, "OtherApi")

    assert other.get_versions().current_version == 20240415
    assert "/api/v2/projects" in {one.href for one in other.get_root().links.values()}
