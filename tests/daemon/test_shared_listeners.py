"""One port for several workers: theirs alone, and dealt out to all of them."""

import select
import socket
from contextlib import ExitStack, closing

import pytest
from support.waiting import eventually

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.daemon.listener import open_listener
from opsctl.daemon.shared_listeners import open_shared_listeners

FEED = {"what": "the feed", "option": "--port"}


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.fixture(params=["127.0.0.1", "::1"])
def host(request):
    if request.param == "::1" and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    return request.param


@pytest.fixture
def shared(host):
    """Two listeners of one group, on any free port."""
    with ExitStack() as opened:
        yield [opened.enter_context(one) for one in open_shared_listeners(host, 0, 2, **FEED)]


def port_of(listener):
    return listener.getsockname()[1]


def open_alone(host, port):
    return [open_listener(host, port, **FEED)]


def open_group(host, port):
    return open_shared_listeners(host, port, 2, **FEED)


def test_all_of_a_group_listen_at_the_same_address_and_each_is_dealt_connections(host, shared):
    assert [one.getsockname()[:2] for one in shared] == [(host, port_of(shared[0]))] * 2

    with ExitStack() as opened:
        waiting = set()

        def everyone_has_one():
            opened.enter_context(socket.create_connection((host, port_of(shared[0]))))
            waiting.update(select.select(shared, [], [], 0)[0])
            return len(waiting) == 2

        eventually(everyone_has_one, what="a connection at each")


@pytest.mark.parametrize("open_again", [open_alone, open_group])
def test_nobody_else_may_listen_where_a_group_does(host, shared, open_again):
    port = port_of(shared[0])

    with pytest.raises(OpsError, match=f"port {port} is in use, the feed cannot listen on it") as failure:
        open_again(host, port)

    assert failure.value.code is ErrorCode.PORT_IN_USE
    assert failure.value.hint == f"take another: --port {port + 1}"


@pytest.mark.parametrize("is_shared", [False, True], ids=["for itself", "shared"])
def test_a_group_does_not_join_a_port_that_somebody_else_has(host, is_shared):
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    with socket.create_server((host, 0), family=family, reuse_port=is_shared) as foreign:
        port = port_of(foreign)

        with pytest.raises(OpsError, match=f"port {port} is in use") as failure:
            open_group(host, port)

    assert failure.value.code is ErrorCode.PORT_IN_USE


def test_a_port_that_is_taken_while_the_group_opens_is_in_use_too(host, monkeypatch):
    class TakenOnceGivenBack(socket.socket):
        """Stands where it is found out that the port is free."""

        def close(self):
            address = self.getsockname()
            super().close()
            self.foreign = socket.create_server(address[:2], family=self.family)

    claims = []

    def claim(host, port, **told):
        with closing(open_listener(host, port, **told)) as found:
            claims.append(TakenOnceGivenBack(fileno=found.detach()))
        return claims[-1]

    monkeypatch.setattr("opsctl.daemon.shared_listeners.open_listener", claim)

    with pytest.raises(OpsError, match="is in use, the feed cannot listen on it") as failure:
        open_group(host, 0)

    assert failure.value.code is ErrorCode.PORT_IN_USE
    claims[0].foreign.close()


def test_the_port_is_free_again_when_all_of_the_group_are_closed_and_not_before(host, shared):
    port = port_of(shared[0])
    shared[0].close()
    with pytest.raises(OpsError, match="in use"):
        open_alone(host, port)

    shared[1].close()

    with ExitStack() as opened:
        for one in open_group(host, port):
            assert port_of(opened.enter_context(one)) == port


def test_connections_are_without_delay(shared):
    assert all(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in shared)
