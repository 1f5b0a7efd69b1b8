"""What a flag serves."""

import pytest
from builders import REF, a_flag

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import FlagRef, Variation
from opsctl.core.modes import Mode


@pytest.mark.parametrize(
    ("flag", "label", "mode"),
    [
        (a_flag(), "Enabled (true)", Mode.FULL),
        (a_flag().killed(), "Disabled (false)", Mode.DEGRADED),
        (a_flag().targeted(depends_on_context=True), "depends on the context", None),
        (a_flag().targeted(depends_on_context=True, on=False), "Disabled (false)", Mode.DEGRADED),
        (a_flag().killed().targeted(off_variation=None), "the fallback value in the code", None),
        (a_flag().killed().targeted(off_variation=5), "the fallback value in the code", None),
        (a_flag().targeted(fallthrough=1), "Disabled (false)", Mode.DEGRADED),
    ],
)
def test_what_is_served_follows_from_the_targeting(flag, label, mode):
    built = flag.build()

    assert built.served("test").label == label
    assert built.mode("test") is mode


def test_what_would_be_served_is_known_before_the_change():
    assert a_flag().build().served("test", on=False).variation == Variation(False, "Disabled")


def test_a_variation_without_a_name_is_its_value():
    assert Variation({"a": 1}).label == '{"a": 1}'


def test_an_unknown_environment_is_named_with_those_there_are():
    with pytest.raises(OpsError) as raised:
        a_flag().build().in_environment(FlagRef("default", "prod", REF.key))

    assert raised.value.code is ErrorCode.BAD_CONFIG
    assert "prod" in raised.value.message
    assert raised.value.hint == "use --env with one of: test, production"
