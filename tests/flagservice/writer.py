"""A writer in a process of its own: `python writer.py URL TOKEN FLAG NAME COUNT` adds tags, version by version."""

import json
import sys

import urllib3

url, token, flag, name, count = sys.argv[1:]
http = urllib3.PoolManager(retries=False, timeout=60)
headers = {"Authorization": token, "Content-Type": "application/json"}
path = f"{url}/api/v2/flags/default/{flag}"
conflicts = 0
versions = []
for number in range(int(count)):
    while True:
        before = http.request("GET", path, headers=headers).json()
        patch = [
            {"op": "test", "path": "/_version", "value": before["_version"]},
            {"op": "replace", "path": "/tags", "value": [*before["tags"], f"{name}-{number}"]},
            {"op": "replace", "path": "/environments/test/on", "value": not before["environments"]["test"]["on"]},
        ]
        answer = http.request("PATCH", path, headers=headers, body=json.dumps(patch))
        if answer.status == 200:
            versions.append(answer.json()["_version"])
            break
        assert answer.status == 409, answer.data
        conflicts += 1
json.dump({"conflicts": conflicts, "versions": versions}, sys.stdout)
