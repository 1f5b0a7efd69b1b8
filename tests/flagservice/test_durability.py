"""What was acknowledged stays, whatever happens to the process."""

import itertools
import json
import random
import threading
import time

import pytest
import urllib3
from support.flag_service import SEMANTIC_PATCH
from support.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.acceptance

NUMBERS = itertools.count()
"""No two changes are alike: one that changes nothing would be acknowledged with the version there is."""


def versions_in_audit(service):
    """Return the kill switch's version in `test` after each audited change, the oldest first."""
    found, before = [], ""
    while True:
        page = service.request(
            "GET", f"auditlog?limit=20&spec=proj/default:env/test:flag/{service.flag}{before}"
        ).json()
        for item in page["items"]:
            detail = service.request("GET", f"auditlog/{item['_id']}").json()
            found.append((int(item["_id"]), detail["currentVersion"]["environments"]["test"]["version"]))
        if "next" not in page["_links"]:
            return [version for _, version in sorted(found)]
        before = f"&before={page['items'][-1]['date']}"


def test_200_kills_and_restores_in_a_row_are_each_a_version_and_an_audit_entry(flag_service):
    versions = [flag_service.turn(on=number % 2 == 1) for number in range(200)]

    assert versions == list(range(2, 202))
    flag_service.kill_hard()
    flag_service.restart()
    assert (
        flag_service.request("GET", f"flags/default/{flag_service.flag}").json()["environments"]["test"]["version"]
        == 201
    )
    assert versions_in_audit(flag_service) == versions


def test_kill_9_at_random_moments_loses_no_acknowledged_change_and_repeats_no_version(flag_service):
    """Writers go on while the process dies under them, ten times over."""
    chance = random.Random(4)
    acknowledged = []
    for _ in range(10):
        enough = len(acknowledged) + 3
        writers = [threading.Thread(target=write, args=(flag_service, acknowledged)) for _ in range(3)]
        for writer in writers:
            writer.start()
        eventually(lambda enough=enough: len(acknowledged) >= enough, what="writes")
        time.sleep(chance.uniform(0, 0.15))
        flag_service.kill_hard()
        for writer in writers:
            writer.join()
        flag_service.start()
        last = flag_service.request("GET", f"flags/default/{flag_service.flag}").json()["environments"]["test"][
            "version"
        ]
        assert last >= max(acknowledged)

    audited = versions_in_audit(flag_service)
    assert len(set(acknowledged)) == len(acknowledged) > 20
    assert audited == list(range(2, audited[-1] + 1))
    assert set(acknowledged) <= set(audited)
    assert audited[-1] - 1 - len(acknowledged) <= 30, "more unacknowledged changes than requests that were cut off"


def write(service, acknowledged):
    """Kill and restore until the service is gone; remember each version that it acknowledged."""
    http = urllib3.PoolManager(retries=False, timeout=DEADLINE_S)
    url = f"{service.url}/api/v2/flags/default/{service.flag}"
    headers = {"Authorization": service.token(), "Content-Type": SEMANTIC_PATCH}
    while True:
        values = [f"context-{next(NUMBERS)}"]
        change = {"kind": "replaceTargets", "targets": [{"variationId": disabled_id(service), "values": values}]}
        body = json.dumps({"environmentKey": "test", "instructions": [change]})
        try:
            answer = http.request("PATCH", url, body=body, headers=headers)
        except (urllib3.exceptions.HTTPError, OSError):
            return
        assert answer.status == 200, answer.data
        acknowledged.append(answer.json()["environments"]["test"]["version"])


def disabled_id(service):
    if not hasattr(service, "disabled_id"):
        service.disabled_id = service.request("GET", f"flags/default/{service.flag}").json()["variations"][1]["_id"]
    return service.disabled_id


def test_writes_of_many_clients_at_once_are_each_one_version(flag_service):
    key = flag_service.flag
    seen = []

    def add_tags(name):
        for number in range(10):
            instruction = {"kind": "addTags", "values": [f"{name}-{number}"]}
            seen.append(flag_service.semantic_patch(instruction, environment=None)["_version"])

    writers = [threading.Thread(target=add_tags, args=(name,)) for name in "abcdefgh"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    flag = flag_service.request("GET", f"flags/default/{key}").json()
    assert sorted(seen) == list(range(2, 82))
    assert len(flag["tags"]) == 80
