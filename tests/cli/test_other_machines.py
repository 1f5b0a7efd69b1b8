"""What commands say of instances on other machines that cannot be asked."""

from builders import a_sighting

from opsctl.core.modes import Mode
from opsctl.core.propagation import Sighting

REFUSED = Sighting("https://web-2:9101", problem="refuses the control token\x1b[2J")


def test_status_says_what_is_known_of_why_one_does_not_answer(opsctl, wired):
    wired.script([a_sighting("web-1/worker-0"), REFUSED])

    result = opsctl("status")

    assert "web-1/worker-0       full" in result.out
    assert "https://web-2:9101   unknown" in result.out
    assert "https://web-2:9101 refuses the control token[2J" in result.out
    assert "instances    1/2 agree" in result.out


def test_so_does_its_json(opsctl, wired):
    wired.script([a_sighting("web-1/worker-0", host="web-1"), REFUSED])

    answered, refused = opsctl("status", "--json").json["instances"]

    assert answered["host"] == "web-1"
    assert refused == {
        "instance": "https://web-2:9101",
        "answers": False,
        "problem": "refuses the control token[2J",
    }


def test_a_kill_names_it_with_the_reason(opsctl, wired):
    wired.script([a_sighting("web-1/worker-0", version=8, mode=Mode.DEGRADED, seen_ms=60), REFUSED])

    result = opsctl("kill", "--yes", "--timeout", "200ms", expect=3)

    assert "instances    1/2" in result.out
    assert "https://web-2:9101 refuses the control token[2J" in result.out
