"""Claiming ports."""

import pytest

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.daemon.listener import open_listener


def test_a_taken_port_is_named_with_the_option_that_moves_it():
    with open_listener("127.0.0.1", 0, what="the feed", option="--port") as taken:
        port = taken.getsockname()[1]

        with pytest.raises(OpsError, match=f"port {port} is in use, the feed cannot listen on it") as failure:
            open_listener("127.0.0.1", port, what="the feed", option="--port")

    assert failure.value.code is ErrorCode.PORT_IN_USE
    assert f"--port {port + 1}" in failure.value.hint


def test_an_address_of_another_machine_is_refused_with_one_that_works():
    with pytest.raises(OpsError, match="cannot listen on") as failure:
        open_listener("192.0.2.1", 0, what="the feed", option="--port")

    assert failure.value.code is ErrorCode.BAD_CONFIG
    assert "127.0.0.1" in failure.value.hint


def test_ipv6_loopback_works():
    with open_listener("::1", 0, what="the feed", option="--port") as listener:
        assert listener.getsockname()[0] == "::1"
