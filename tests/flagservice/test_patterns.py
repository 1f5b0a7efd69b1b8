"""Regular expressions of clauses: invalid ones and those that could backtrack without end are not kept."""

from dataclasses import replace

import pytest
from flag_values import a_flag

from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.model import Clause, Rule, Serve
from opsctl.flagservice.validation import check_clause, validate


def clause(pattern):
    return Clause("c", "email", "matches", (pattern,))


def refusal(pattern):
    with pytest.raises(ApiError) as refused:
        check_clause(clause(pattern))
    assert refused.value.status == 400
    return refused.value.message


@pytest.mark.parametrize("pattern", ["[", "(", "a**", "(?P<n", "*"])
def test_what_is_no_regular_expression_is_refused(pattern):
    assert "is not a regular expression" in refusal(pattern)


def test_a_pattern_of_more_than_1000_characters_is_refused():
    check_clause(clause("a" * 1000))

    assert "1000 characters" in refusal("a" * 1001)


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a+)+", "(a|a)*", "(a*)*", "(a|ab)+", "(?:a+)+$", "(?P<n>a+)*", "((a+))+", "(a+|b){2,}", "(a?a)*"),
        *("(a{1,3})+", "(a+){30}", "^(([a-z])+.)+[A-Z]$", "(.*a){20}", "(a||b)*", r"(\w|\d)+", "(a+)+?", "(a|A)*"),
        *(
            "(a+)(?#x)+",
            r"([\]+]+)*",
            "x(b(c(d|d)))*",
            "(?i:a+)*",
            "((a|b)|a)*",
            "(?=a+)+",
            "(a|[ab])*",
            r"((\w+){3}){3}$",
        ),
    ],
)
def test_nested_quantifiers_are_refused_and_the_reason_given(pattern):
    assert "backtracking" in refusal(pattern)


def test_verbose_patterns_are_refused_as_spaces_hide_quantifiers_in_them():
    assert "verbose" in refusal("(?x)(a+) +")


@pytest.mark.parametrize(
    "pattern",
    [
        *("^r.d$", "u+", ".*@example\\.com$", r"^(\d{1,3}\.){3}\d{1,3}$", "(red|blue)+", "(ab)*", "^(a+|b*)$", "[(+]+"),
        *(r"\(a+\)+", "(a{2})+", "(?i)^admin", "(?:eu|us)-[0-9]+", "a{,x}", "", "[]+]*", "(?#(a+)b", "^(dev|test)?$"),
    ],
)
def test_plain_patterns_are_kept(pattern):
    check_clause(clause(pattern))


def test_other_operators_take_any_text():
    check_clause(replace(clause("(a+)+"), op="contains"))


def test_a_flag_that_has_such_a_pattern_from_before_can_still_be_switched_off():
    flag = a_flag()
    rules = (Rule("r", clauses=(clause("(a+)+"),), serve=Serve(variation=0)),)
    config = replace(flag.environments["test"], rules=rules)
    before = replace(flag, environments={**flag.environments, "test": config})
    after = replace(before, environments={**before.environments, "test": replace(config, on=False)})

    validate(after, {flag.key: before})
    with pytest.raises(ApiError):
        validate(after, {flag.key: flag})
