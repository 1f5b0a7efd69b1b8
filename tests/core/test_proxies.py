from opsctl.core.proxies import no_proxy_with_loopback


def test_loopback_is_never_reached_through_a_proxy():
    assert no_proxy_with_loopback({}) == "127.0.0.1,localhost,::1"


def test_what_was_exempt_stays_exempt_and_nothing_is_named_twice():
    assert no_proxy_with_loopback({"NO_PROXY": "example.com, localhost"}) == "example.com,localhost,127.0.0.1,::1"


def test_the_lower_case_name_wins():
    assert no_proxy_with_loopback({"no_proxy": "a", "NO_PROXY": "b"}) == "a,127.0.0.1,localhost,::1"
