"""A stack whose commands reach the provider through a proxy that fails, and what the provider says of itself."""

import json
import subprocess
import sys

import urllib3

from support.faulty_proxy import FaultyProxy
from support.flag_service import SEMANTIC_PATCH
from support.stack import FLAG, run_opsctl
from support.waiting import DEADLINE_S

FLAG_PATH = f"/api/v2/flags/default/{FLAG}"
PLACE = f"/api/v2/projects/default/flags/{FLAG}/environments/test"


class Provider:
    """The flag service, asked directly, as somebody else does."""

    def __init__(self, data_dir):
        self._ready = json.loads((data_dir / "flag-service.json").read_text())
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(DEADLINE_S))
        self.url = self._ready["url"]

    def request(self, method, path, body=None, *, role="writer", content_type="application/json", expect=200):
        answer = self._http.request(
            method,
            f"{self.url}{path}",
            body=None if body is None else json.dumps(body),
            headers={"Authorization": self.token(role), "Content-Type": content_type},
        )
        assert answer.status == expect, answer.data
        return answer.json() if answer.data else None

    def token(self, role):
        return self._ready["tokens"][role]

    def sdk_key(self):
        return self._ready["environments"]["test"]["sdk_key"]

    @property
    def targeting(self):
        return self.request("GET", FLAG_PATH)["environments"]["test"]

    def turn(self, *, on, comment="", role="admin"):
        instructions = [{"kind": "turnFlagOn" if on else "turnFlagOff"}]
        body = {"environmentKey": "test", "instructions": instructions, "comment": comment}
        flag = self.request("PATCH", FLAG_PATH, body, role=role, content_type=SEMANTIC_PATCH)
        return flag["environments"]["test"]["version"]

    def entries(self):
        """Return what the audit log says of the flag, newest first: pairs of what was done and why."""
        items = self.request("GET", f"/api/v2/auditlog?limit=20&spec=proj/default:env/test:flag/{FLAG}")["items"]
        return [(item["titleVerb"], item.get("comment", "")) for item in items]

    def require_approval(self, *, required):
        """Have changes of the flag need an approval, which whoever asked for it may give."""
        wanted = {"required": required, "minNumApprovals": 1, "canReviewOwnRequest": True}
        patch = [
            {"op": "replace", "path": f"/approvalSettings/{name}", "value": value} for name, value in wanted.items()
        ]
        self.request("PATCH", "/api/v2/projects/default/environments/test", patch, role="admin")

    def requests(self):
        return self.request("GET", f"{PLACE}/approval-requests")["items"]

    def approve(self, request_id):
        self.request("POST", f"{PLACE}/approval-requests/{request_id}/reviews", {"kind": "approve"}, role="admin")

    def schedule(self, at_ms, *instructions):
        body = {"executionDate": at_ms, "instructions": list(instructions)}
        return self.request("POST", f"{PLACE}/scheduled-changes", body, expect=201)["_id"]

    def withdraw_all(self):
        for kind in ("scheduled-changes", "approval-requests"):
            for item in self.request("GET", f"{PLACE}/{kind}")["items"]:
                self.request("DELETE", f"{PLACE}/{kind}/{item['_id']}", expect=204)


class Between:
    """Commands for a stack, with a `FaultyProxy` between them and the provider."""

    def __init__(self, stack):
        self.stack = stack
        self.provider = Provider(stack.data_dir)
        self.proxy = FaultyProxy(self.provider.url)
        self.environ = {
            **stack.environ,
            "LD_BASE_URI": self.proxy.url,
            "LAUNCHDARKLY_ACCESS_TOKEN": self.provider.token("writer"),
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proxy.close()

    def opsctl(self, *arguments, expect=0):
        return run_opsctl(*arguments, environ=self.environ, cwd=self.stack.data_dir.parent, expect=expect)

    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "opsctl", *arguments],
            env=self.environ,
            cwd=self.stack.data_dir.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
