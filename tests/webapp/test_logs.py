"""What the feed logs."""

import logging

from opsctl.settings import Secret
from webapp.logs import OneLine


def line(message, *args, secrets=(), exc_info=None):
    record = logging.LogRecord("webapp.x", logging.INFO, __file__, 1, message, args, exc_info)
    return OneLine(secrets).format(record)


def test_an_event_is_one_line_whatever_is_in_it():
    text = line("closing %s", "a\nFORGED INFO webapp: all is well\r\n\x1b[2J\u202e")

    assert "\n" not in text
    assert "\r" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_traceback_is_on_the_same_line():
    try:
        int("boom")
    except ValueError as error:
        text = line("failed", exc_info=(type(error), error, error.__traceback__))

    assert "\n" not in text
    assert "ValueError: invalid literal" in text


def test_secrets_are_masked():
    text = line("401 for %s", "sdk-12345678-abcd", secrets=(Secret("sdk-12345678-abcd"),))

    assert "12345678" not in text
    assert "…abcd" in text
