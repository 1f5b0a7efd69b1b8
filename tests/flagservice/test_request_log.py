"""`--request-log`: what an application asks for, without what it says."""

import json

import pytest
from support.flag_service import FlagServiceProcess
from support.waiting import eventually


@pytest.fixture
def logged(tmp_path):
    path = tmp_path / "requests.jsonl"
    service = FlagServiceProcess(tmp_path / "data", "--request-log", str(path))
    service.start()
    yield service, path
    service.stop()


def test_each_request_is_one_line_with_its_route_status_and_client(logged):
    service, path = logged

    service.request("GET", f"flags/default/{service.flag}?env=test", headers={"User-Agent": "my-app/1.0"})
    service.request("GET", "flags/default/no-such-flag", headers={"User-Agent": "my-app/1.0"})
    service.request("GET", "nowhere", headers={"User-Agent": "my-app/1.0"})

    lines = eventually(lambda: len(path.read_text().splitlines()) == 3 and path.read_text().splitlines())
    seen = [json.loads(line) for line in lines]
    route = "/api/v2/flags/<project>/<key>"
    assert [(one["method"], one["route"], one["status"], one["client"]) for one in seen] == [
        ("GET", route, 200, "my-app/1.0"),
        ("GET", route, 404, "my-app/1.0"),
        ("GET", "", 404, "my-app/1.0"),
    ]
    assert service.token() not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_a_log_that_cannot_be_written_is_said_at_the_start(tmp_path):
    service = FlagServiceProcess(tmp_path / "data", "--request-log", str(tmp_path / "none/requests.jsonl"))

    with pytest.raises(AssertionError, match=r"request log .* cannot be written"):
        service.start()
    service.stop()
