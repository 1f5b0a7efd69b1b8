"""Python-socketio's own way to the browsers: a real worker, a real flag service, real clients."""

import pytest
from support.waiting import eventually
from support.worker_process import provider

pytestmark = pytest.mark.acceptance


def test_a_kill_reaches_the_browsers_of_a_worker_that_is_set_to_the_stock_way(start_worker, flag_service, open_browser):
    worker = start_worker(OPSCTL_FANOUT="stock", **provider(flag_service)).started()
    eventually(lambda: worker.state()["mode"] == "full", what="full mode")
    browsers = [open_browser(worker.url), open_browser(worker.url)]
    assert [browser.await_event("state")["mode"] for browser in browsers] == ["full", "full"]

    version = flag_service.turn(on=False)

    assert [browser.await_event("flag_update")["epoch"] for browser in browsers] == [[version, 0]] * 2
    eventually(lambda: worker.state()["browsers"]["confirmed"] == 2, what="their acknowledgements")
    browsers[0].close()
    eventually(lambda: worker.state()["browsers"]["connected"] == 1, what="one to be gone")
    assert worker.stop() == 0
