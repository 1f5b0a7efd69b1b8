"""LaunchDarkly's browser SDKs, unmodified, in a page of another origin: a real browser checks what CORS allows."""

import functools
import http.server
import threading

import pytest
from support.node import FOLDER, require_node
from support.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.browser
FOR_BROWSERS = {"clientSideAvailability": {"usingEnvironmentId": True, "usingMobileKey": False}}
SANDY = {"kind": "user", "key": "sandy"}
LEGACY = """
import { initialize } from "/launchdarkly-js-client-sdk/dist/ldclient.es.js";
window.start = async ({ url, id, context, options }) => {
  window.client = initialize(id, context, { baseUrl: url, streamUrl: url, eventsUrl: url, ...options });
  window.client.on("change", (changes) => window.told.push(Object.keys(changes)));
  await window.client.waitForInitialization(5);
};
"""
CURRENT = """
import { createClient } from "/@launchdarkly/js-client-sdk/dist/index.js";
window.start = async ({ url, id, context, options }) => {
  window.client = createClient(id, context, { baseUri: url, streamUri: url, eventsUri: url, ...options });
  window.client.on("change", (_context, keys) => window.told.push(keys));
  const { status } = await window.client.start({ timeout: 5 });
  if (status !== "complete") throw new Error(status);
};
"""
PAGE = "<!doctype html><title>SDK</title><script>window.told = []</script><script type='module'>%s</script>"
SDKS = {"launchdarkly-js-client-sdk": LEGACY, "@launchdarkly/js-client-sdk": CURRENT}


class Modules(http.server.SimpleHTTPRequestHandler):
    """The installed packages, and a page for each SDK: `/?` and its name. Chromium looks where a page came from."""

    def do_GET(self):
        name = self.path.removeprefix("/?")
        if name not in SDKS:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write((PAGE % SDKS[name]).encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def origin():
    handler = functools.partial(Modules, directory=FOLDER / "node_modules")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(params=sorted(SDKS))
def started(request, chromium, origin, shared_flag_service):
    """Start an SDK in a page, and return the page."""
    require_node(request.param)
    context = chromium.new_context()

    def started(service=shared_flag_service, **options):
        page = context.new_page()
        page.set_default_timeout(DEADLINE_S * 1000)
        page.goto(f"{origin}/?{request.param}")
        page.wait_for_function("() => window.start")
        given = {"url": service.url, "id": service.client_side_id(), "context": SANDY, "options": options}
        page.evaluate("given => window.start(given)", given)
        return page

    yield started
    context.close()


def test_a_page_is_served_and_hears_of_a_kill(started, make_flag, shared_flag_service):
    flag = make_flag(**FOR_BROWSERS)
    page = started(streaming=True)
    assert page.evaluate("flag => window.client.variation(flag, null)", flag) is True

    shared_flag_service.semantic_patch({"kind": "turnFlagOff"}, flag=flag)

    page.wait_for_function("flag => window.told.some(keys => keys.includes(flag))", arg=flag)
    assert page.evaluate("flag => window.client.variation(flag, null)", flag) is False


def test_a_page_sends_contexts_as_reports_and_its_events_arrive(started, make_flag, shared_flag_service):
    flag = make_flag(**FOR_BROWSERS)
    # Each SDK has its own name for it, and passes over the other.
    page = started(useReport=True, evaluationReasons=True, withReasons=True)

    detail = page.evaluate("flag => window.client.variationDetail(flag, null)", flag)
    page.evaluate("() => window.client.flush()")

    assert (detail["value"], detail["reason"]) == (True, {"kind": "FALLTHROUGH"})
    path = f"flag-statuses/default/test/{flag}"
    eventually(lambda: shared_flag_service.request("GET", path).json()["name"] == "active", what="the flag is active")


def test_a_page_whose_context_changes_is_served_anew(started, make_flag, shared_flag_service):
    flag = make_flag(**FOR_BROWSERS)
    variations = shared_flag_service.request("GET", f"flags/default/{flag}").json()["variations"]
    shared_flag_service.semantic_patch(
        {"kind": "addTargets", "values": ["kim"], "variationId": variations[1]["_id"]}, flag=flag
    )
    page = started()

    page.evaluate("() => window.client.identify({ kind: 'user', key: 'kim' })")

    assert page.evaluate("flag => window.client.variation(flag, null)", flag) is False
