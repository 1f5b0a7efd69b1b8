"""Where the running `opsctl serve` of a data directory says that its feed is."""

import json
import os

from opsctl.adapters.datadir import exclusive_data_dir, served_url


def say(data_dir, content='{"url": "http://127.0.0.1:5001"}'):
    (data_dir / "serve.json").write_text(content)


def test_it_is_known_while_serve_runs_and_not_afterwards(tmp_path):
    with exclusive_data_dir(tmp_path):
        assert served_url(tmp_path) is None, "not yet"
        say(tmp_path)
        assert served_url(tmp_path) == "http://127.0.0.1:5001"
    assert served_url(tmp_path) is None


def test_what_an_earlier_serve_said_does_not_count(tmp_path):
    say(tmp_path)
    os.utime(tmp_path / "serve.json", (0, 0))
    with exclusive_data_dir(tmp_path):
        assert served_url(tmp_path) is None


def test_a_damaged_file_says_nothing(tmp_path):
    with exclusive_data_dir(tmp_path):
        for content in ("", "[]", "{}", json.dumps({"url": 1})):
            say(tmp_path, content)
            assert served_url(tmp_path) is None
