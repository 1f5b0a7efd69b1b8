"""`--seed`: what a new database begins with, from TOML and from LaunchDarkly's own JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ldclient import Context, LDClient
from ldclient.config import Config
from ldclient.integrations import Files
from support.flag_service import FlagServiceProcess

from opsctl.core.errors import OpsError
from opsctl.flagservice.sdk_payload import sdk_flag, sdk_segment
from opsctl.flagservice.seed_file import read_seed

ENVIRONMENTS = ("test", "production")
NOW_MS = 1_790_000_000_000

TOML = """
[flags]
banner = "Hello"
limit = 5

[flags.checkout]
name = "New checkout"
description = "The second try"
temporary = false
tags = ["shop"]
client_side = true
variations = ["old", { value = "new", name = "New one" }, "beta"]
serve = "new"
off = "old"
targets = [{ keys = ["sandy"], serve = "old" }, { keys = ["acme"], kind = "org", serve = "beta" }]
prerequisites = [{ flag = "base" }]
rules = [
    { attribute = "email", op = "endsWith", values = ["@example.com"], serve = "beta" },
    { op = "segmentMatch", values = ["insiders"], rollout = [
        { value = "old", percent = 12.5 }, { value = "new", percent = 87.5 }
    ] },
]
environments.production = { on = false, serve = "old" }

[flags.base]

[segments.insiders]
included = { user = ["kim"], org = ["acme"] }
excluded = ["lee"]
rules = [{ attribute = "plan", values = ["gold"], percent = 50 }]
"""

REAL = {
    "flags": {
        "rolled": {
            "key": "rolled",
            "version": 42,
            "on": True,
            "deleted": False,
            "variations": ["a", "b", "c"],
            "offVariation": 2,
            "fallthrough": {
                "rollout": {
                    "kind": "rollout",
                    "contextKind": "user",
                    "seed": 61,
                    "variations": [{"variation": 0, "weight": 30000}, {"variation": 1, "weight": 70000}],
                }
            },
            "targets": [{"variation": 2, "values": ["sandy"]}],
            "contextTargets": [
                {"contextKind": "org", "variation": 1, "values": ["acme"]},
                {"contextKind": "user", "variation": 2, "values": []},
            ],
            "rules": [
                {
                    "id": "rule-1",
                    "variation": 1,
                    "trackEvents": True,
                    "clauses": [
                        {"contextKind": "user", "attribute": "", "op": "segmentMatch", "values": ["s"], "negate": False}
                    ],
                }
            ],
            "prerequisites": [{"key": "bare", "variation": 0}],
            "salt": "pepper",
            "trackEvents": True,
            "trackEventsFallthrough": False,
            "debugEventsUntilDate": None,
            "clientSideAvailability": {"usingMobileKey": True, "usingEnvironmentId": False},
            "clientSide": False,
        },
        "bare": {"key": "bare", "version": 1, "on": True, "variations": [True, False], "fallthrough": {"variation": 0}},
        "gone": {"key": "gone", "version": 9, "deleted": True},
    },
    "segments": {
        "s": {
            "key": "s",
            "version": 7,
            "included": ["kim"],
            "excluded": [],
            "includedContexts": [{"contextKind": "org", "values": ["acme"]}],
            "rules": [
                {
                    "id": "in-1",
                    "clauses": [{"attribute": "plan", "op": "in", "values": ["gold"]}],
                    "weight": 50000,
                    "bucketBy": "key",
                }
            ],
            "salt": "salt",
            "unbounded": False,
        }
    },
}


def seed(tmp_path, content, name="seed.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_seed(path, ENVIRONMENTS, NOW_MS)


def test_toml_says_flags_in_few_words(tmp_path):
    content = seed(tmp_path, TOML, "flags.toml")

    checkout = content.flags["checkout"]
    test, production = checkout.environments["test"], checkout.environments["production"]
    assert (checkout.name, checkout.temporary, checkout.tags, checkout.kind) == (
        "New checkout",
        False,
        ("shop",),
        "multivariate",
    )
    assert [(one.value, one.name) for one in checkout.variations] == [("old", None), ("new", "New one"), ("beta", None)]
    assert (test.on, test.fallthrough.variation, test.off_variation) == (True, 1, 0)
    assert (production.on, production.fallthrough.variation, production.off_variation) == (False, 0, 0)
    assert [(one.context_kind, one.variation, one.values) for one in test.targets] == [
        ("user", 0, ("sandy",)),
        ("org", 2, ("acme",)),
    ]
    assert [part.weight for part in test.rules[1].serve.rollout.variations] == [12500, 87500]
    assert content.flags["base"].environments["production"].on is True
    assert [one.value for one in content.flags["banner"].variations] == ["Hello", ""]
    assert content.segments["insiders"].rules[0].weight == 50000


def test_what_a_real_environment_sent_is_sent_again_just_as_it_was(tmp_path):
    content = seed(tmp_path, REAL)

    sent = sdk_flag(content.flags["rolled"], "test")
    expected = {name: value for name, value in REAL["flags"]["rolled"].items() if value is not None}
    assert {name: sent[name] for name in expected} == expected
    segment = sdk_segment(content.segments["s"])
    assert (segment["version"], segment["salt"], segment["included"]) == (7, "salt", ["kim"])
    assert segment["rules"][0]["id"] == "in-1"
    assert sorted(content.flags) == ["bare", "rolled"]


@pytest.mark.acceptance
def test_the_sdk_evaluates_a_flag_data_file_and_the_service_seeded_with_it_alike(tmp_path):
    path = tmp_path / "flag-data.json"
    flags = {key: flag for key, flag in REAL["flags"].items() if key != "gone"}
    path.write_text(json.dumps({**REAL, "flags": flags, "flagValues": {"text": "hi", "json": {"a": [1]}, "number": 0}}))
    contexts = [Context.create(f"user-{number}") for number in range(200)]
    contexts += [Context.create("sandy"), Context.create("kim"), Context.create("acme", "org")]
    contexts += [Context.builder(f"g-{number}").set("plan", "gold").build() for number in range(50)]

    source = Files.new_data_source(paths=[str(path)])
    file_config = Config("sdk-key", update_processor_class=source, send_events=False)
    service = FlagServiceProcess(tmp_path / "data", "--seed", str(path))
    service.start()
    live_config = Config(service.sdk_key(), base_uri=service.url, stream_uri=service.url, send_events=False)
    with LDClient(file_config, 20) as files, LDClient(live_config, 20) as live:
        assert live.is_initialized()
        for key in ("rolled", "bare", "text", "json", "number"):
            for context in contexts:
                expected = files.variation_detail(key, context, None)
                found = live.variation_detail(key, context, None)
                assert (found.value, found.reason) == (expected.value, expected.reason)
    service.stop()


@pytest.mark.acceptance
def test_a_seeded_database_holds_the_seed_only_and_is_left_as_it_is_afterwards(tmp_path):
    path = tmp_path / "flags.toml"
    path.write_text(TOML)
    service = FlagServiceProcess(tmp_path / "data", "--seed", str(path))
    service.start()
    keys = [one["key"] for one in service.request("GET", "flags/default").json()["items"]]
    assert sorted(keys) == ["banner", "base", "checkout", "limit"]
    service.semantic_patch({"kind": "turnFlagOff"}, flag="checkout")
    path.write_text("[flags]\nanother = true\n")

    service.restart()

    flag = service.request("GET", "flags/default/checkout").json()
    assert flag["environments"]["test"]["on"] is False
    assert service.request("GET", "flags/default/another").status == 404
    assert "left as it is" in service.stderr()
    service.stop()


def test_the_example_in_the_docs_is_a_seed(tmp_path):
    page = Path(__file__).parents[2] / "docs" / "flag-service.md"
    example = page.read_text().split("```toml")[1].split("```")[0]

    content = seed(tmp_path, example, "flags.toml")

    assert sorted(content.flags) == ["banner", "base", "new-checkout"]
    assert content.flags["new-checkout"].environments["production"].on is False


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("f.toml", "[flags.a]\nserv = true\n", "flag 'a': a flag has no 'serv'"),
        ("f.toml", "[flags.a]\nserve = 1\n", "flag 'a': 1 is none of the variations, [true, false]"),
        ("f.toml", '[flags.a]\nprerequisites = [{flag = "b"}]\n', "there is no flag 'b' to be a prerequisite"),
        ("f.toml", "[flags.a]\nenvironments.staging.on = true\n", "there is no environment 'staging'"),
        ("f.toml", '[flags]\n"a b" = true\n', "flag 'a b': key may hold letters"),
        ("f.toml", "[flags]\na = 1979-05-27\n", "JSON has nothing like it"),
        ("f.toml", "[flags.a]\nvariations = [1, 1]\n", "flag 'a': variations must have different values"),
        ("f.toml", "flags = [", "it is neither TOML nor JSON"),
        ("f.json", "[]", "it is neither TOML nor JSON"),
        ("f.json", '{"a": 1}', "there is none of flags, flagValues, segments in it"),
        ("f.json", '{"flags": {"a": {"variations": "x"}}}', "flag 'a': variations must be an array"),
        ("f.json", '{"flags": {"a": {"variations": [1, 2], "fallthrough": {"variation": 7}}}}', "no variation 7"),
        ("f.json", '{"flags": {"a": 1}}', "flag 'a': it must be an object"),
        ("f.json", '{"segments": {"s": {"unbounded": true}}}', "segment 's': a segment is unbounded"),
        ("f.json", '{"flags": {"a": {"variations": [1, 2]}}, "flagValues": {"a": 1}}', "flag 'a' is there twice"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, name, content, said):
    with pytest.raises(OpsError) as raised:
        seed(tmp_path, content, name)

    assert said in raised.value.message
    assert name in raised.value.message


@pytest.mark.acceptance
def test_a_seed_that_cannot_be_used_ends_the_start_and_leaves_no_database(tmp_path):
    (tmp_path / "f.toml").write_text("[flags.a]\nserve = 1\n")
    command = [sys.executable, "-m", "opsctl.flagservice", "--port", "0", "--data-dir", str(tmp_path / "data")]

    done = subprocess.run(
        [*command, "--seed", str(tmp_path / "f.toml")], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert "flag 'a'" in done.stderr
    assert not (tmp_path / "data" / "flags.db").exists()
