"""Any sequence of patches, approvals, schedules and triggers: each applies whole or changes nothing, and all agree."""

import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from flag_values import a_flag
from hypothesis import given, settings
from hypothesis import strategies as st
from test_semantic_patch_properties import instructions, valid_instructions

from opsctl.flagservice import pending_rows
from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.approvals import Approvals
from opsctl.flagservice.auditing import Author
from opsctl.flagservice.conflicts import Setting
from opsctl.flagservice.credentials import load_credentials
from opsctl.flagservice.documents import flag_document
from opsctl.flagservice.guard import Guard, needs_approval
from opsctl.flagservice.model import ApprovalSettings
from opsctl.flagservice.pending_model import ApprovalRequest, Place
from opsctl.flagservice.schedule import Schedule
from opsctl.flagservice.sdk_feed import Audience, SdkFeed
from opsctl.flagservice.sdk_payload import all_data
from opsctl.flagservice.store import Store
from opsctl.flagservice.streams import Broadcaster
from opsctl.flagservice.triggers import Triggers

PROJECT, KEYS, ENVIRONMENTS = "default", ("feed", "other"), ("test", "production")
NEW_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PENDING = ("approval_requests", "scheduled_changes", "flag_triggers")

lists = st.lists(st.one_of(valid_instructions, valid_instructions, instructions), min_size=1, max_size=3)
places = st.builds(Place, st.just(PROJECT), st.sampled_from(KEYS), st.sampled_from(ENVIRONMENTS))
which = st.integers(0, 3)
ask = st.tuples(st.just("ask"), places, lists, st.one_of(st.none(), st.integers(1, 5000)))
schedule = st.tuples(st.just("schedule"), places, lists, st.integers(1, 5000), st.booleans())
patch = st.tuples(st.just("patch"), places, lists, st.booleans())
pull = st.tuples(st.just("pull"), which)
wait = st.tuples(st.sampled_from(["wait", "restart"]), st.integers(0, 6000))
review = st.tuples(st.just("review"), which, st.sampled_from(["approve", "decline", "comment"]))
apply = st.tuples(st.just("apply"), which)
require = st.tuples(st.just("require"), st.sampled_from(ENVIRONMENTS), st.booleans())
steps = st.lists(
    st.one_of(
        st.tuples(st.one_of(patch, pull, wait, review, apply, require)),
        st.tuples(ask, st.just(("review", 0, "approve")), st.one_of(patch, pull, require), st.just(("apply", 0)), wait),
        st.tuples(schedule, st.one_of(patch, schedule, pull), wait),
    ),
    min_size=2,
    max_size=6,
).map(lambda chunks: [step for chunk in chunks for step in chunk])


class Service:
    """The real parts over a real database, a clock that steps move, and an SDK's view of each environment."""

    def __init__(self, directory):
        self.directory, self.now_ms = directory, 1_790_000_000_000
        self.credentials = load_credentials(directory / "credentials.json")
        self.open()
        for key in KEYS:
            self.store.create_flag(PROJECT, a_flag(key), self.author)
        self.secrets = []
        for key in KEYS:
            for action in ("turnFlagOn", "turnFlagOff"):
                place = Place(PROJECT, key, "test")
                trigger, secret = self.triggers.create(place, "generic-trigger", action, self.author, self.asker)
                self.secrets.append((trigger.id, secret))
        self.listen()

    def open(self):
        self.broadcaster = Broadcaster()
        self.store = Store.open(self.directory / "flags.db", self.credentials, lambda: self.now_ms, self.tell)
        self.feed = SdkFeed(self.store, self.broadcaster)
        self.schedule, self.guard = Schedule(self.store), Guard(self.store)
        self.approvals, self.triggers = Approvals(self.store, self.schedule), Triggers(self.store)
        self.asker, self.reviewer = list(self.store.tokens())[1:3]
        self.author = Author(token=self.asker, comment="why")

    def tell(self, change):
        self.feed.on_change(change)

    def listen(self):
        self.views, self.streams = {}, {}
        for environment in ENVIRONMENTS:
            channel = (PROJECT, environment)
            self.streams[environment] = self.broadcaster.subscribe(channel, Audience(is_fdv2=False))
            self.views[environment] = json.loads(all_data(self.store.flags(PROJECT).values(), environment))["flags"]

    def hear(self):
        """Take what the streams brought, as an SDK does: nothing without a higher version."""
        for environment, stream in self.streams.items():
            view = self.views[environment]
            text = next(stream.events(heartbeat_s=0.001)).decode()
            for name, data in re.findall(r"event: (\w+)\ndata: (.*)\n", text):
                sent = json.loads(data)
                key = sent["path"].removeprefix("/flags/")
                version = sent["data"]["version"] if name == "patch" else sent["version"]
                assert version > view.get(key, {"version": 0})["version"], (name, key)
                view[key] = sent["data"] if name == "patch" else {"version": version, "deleted": True}

    def flags(self):
        return dict(self.store.flags(PROJECT))

    def all_there_is(self):
        """Return everything the database holds of flags and what is pending, and how long the audit log is."""
        connection = self.store.ledger.connection
        tables = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in ("flags", *PENDING)}
        return tables, connection.execute("SELECT count(*) FROM audit").fetchone()

    def scheduled(self):
        return pending_rows.read_scheduled_changes(self.store.ledger.connection)

    def request(self, index):
        found = self.approvals.all()
        return found[index] if index < len(found) else None

    def run(self, step):
        """Take one step; where it changes one flag by instructions, return where, and which."""
        return getattr(self, f"do_{step[0]}")(*step[1:])

    def do_patch(self, place, listed, ignores):
        setting = Setting(self.store.flags(PROJECT), self.now_ms)

        def plan(flag):
            return setting.after(flag, place.environment, listed)

        checked = self.guard.checked(PROJECT, plan, ignore_conflicts=ignores)
        self.store.change_flag(PROJECT, place.flag, checked, self.author)
        return place, listed

    def do_schedule(self, place, listed, in_ms, ignores):
        self.guard.require_no_approval(place)
        change = self.schedule.planned(place, self.now_ms + in_ms, listed, self.asker, "planned")
        self.schedule.keep(change, self.author, ignore_conflicts=ignores)

    def do_ask(self, place, listed, in_ms):
        execution_ms = None if in_ms is None else self.now_ms + in_ms
        number = f"{len(self.approvals.all()):024}"
        asked = ApprovalRequest(
            number, place, "please", tuple(listed), self.asker, self.now_ms, execution_ms=execution_ms
        )
        self.approvals.create(asked, self.author)

    def do_review(self, index, kind):
        if request := self.request(index):
            self.approvals.review(request, kind, self.author, self.reviewer)

    def do_apply(self, index):
        request = self.request(index)
        if request is None:
            return None
        applied = self.approvals.apply(request, self.author, self.asker)
        return (request.place, request.instructions) if applied.status == "completed" else None

    def do_pull(self, index):
        self.triggers.pull(*self.secrets[index], b"{}")

    def do_require(self, environment, required):
        def plan(before):
            return replace(before, approval_settings=ApprovalSettings(required=required))

        self.store.containers.change_environment(PROJECT, environment, plan, self.author)

    def do_wait(self, ms):
        self.now_ms += ms
        assert self.schedule.run_due()

    def do_restart(self, ms):
        self.store.close()
        self.now_ms += ms
        self.open()
        self.listen()
        assert self.schedule.run_due()


def content(flag):
    """Return what a flag says, without its versions, times and new ids."""
    document = flag_document(replace(flag, version=0))
    for name in ("archivedDate", "deprecatedDate"):
        document.pop(name, None)
    for config in document["environments"].values():
        config["version"] = config["lastModified"] = 0
    return NEW_ID.sub("new", json.dumps(document))


def expected_after(service, flags, due):
    """Return the flags after the changes that are due, each of them whole or not at all."""
    for change in due:
        flag = flags[change.place.flag]
        try:
            after = Setting(flags, service.now_ms).valid_after(flag, change.place.environment, change.instructions)
        except ApiError:
            continue
        flags = flags | {flag.key: after}
    return flags


def check_versions(before, after, *, at_most):
    for key, flag in after.items():
        old = before[key]
        assert old.version <= flag.version <= old.version + at_most
        assert (flag.version == old.version) == (flag_document(flag) == flag_document(old))
        for environment, config in flag.environments.items():
            was = old.environments[environment]
            assert was.version <= config.version <= was.version + at_most
            assert config == was or config.version > was.version


def check_agreement(service):
    service.hear()
    for environment in ENVIRONMENTS:
        sent = {key: one for key, one in service.views[environment].items() if not one.get("deleted")}
        polled = json.loads(service.feed.everything((PROJECT, environment)))["flags"]
        assert sent == polled
        for key in KEYS:
            shown = flag_document(service.flags()[key])["environments"][environment]
            if not service.flags()[key].is_archived:
                assert (sent[key]["on"], sent[key]["version"]) == (shown["on"], shown["version"])
                assert sent[key]["fallthrough"] == shown["fallthrough"]


@settings(max_examples=30, deadline=None)
@given(steps)
def test_whatever_happens_changes_are_whole_versions_go_up_and_streams_agree(sequence):
    with tempfile.TemporaryDirectory() as name:
        service = Service(Path(name))
        for step in sequence:
            before, all_before = service.flags(), service.all_there_is()
            moves_clock = step[0] in {"wait", "restart"}
            due_ms = service.now_ms + (step[1] if moves_clock else 0)
            due = [one for one in service.scheduled() if one.execution_ms <= due_ms] if moves_clock else []
            try:
                done = service.run(step)
            except ApiError:
                if step[0] != "pull":
                    assert service.all_there_is() == all_before
                assert service.flags() == before
                continue
            after = service.flags()
            if moves_clock:
                wanted = expected_after(service, before, due)
                assert {key: content(flag) for key, flag in after.items()} == {
                    key: content(flag) for key, flag in wanted.items()
                }
                assert not {one.id for one in due} & {one.id for one in service.scheduled()}
            elif done is not None:
                place, listed = done
                wanted = Setting(before, service.now_ms).valid_after(before[place.flag], place.environment, listed)
                assert content(after[place.flag]) == content(wanted)
            check_versions(before, after, at_most=max(1, len(due)))
            if step[0] == "patch":
                for environment in service.store.project(PROJECT).environments:
                    if needs_approval(environment, before[step[1].flag]):
                        old, new = (flags[step[1].flag].environments[environment.key] for flags in (before, after))
                        assert old.on == new.on
                        assert old.targets == new.targets
            check_agreement(service)
        service.store.close()
