"""The files of docs/examples, put to use where the tests are: the same text, with other places in it."""

import re
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def example(name):
    return (EXAMPLES / name).read_text(encoding="utf-8")


def placed(text, places):
    """Return the text with each key of `places` replaced; one that does not stand there is an error."""
    missing = [was for was in places if was not in text]
    if missing:
        raise ValueError(f"not in the example: {', '.join(missing)}")
    longest_first = sorted(places, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda found: places[found[0]], text)


def unit_settings(text):
    """Return the settings of a unit file as `(section, name, value)`, in order."""
    section, found = "", []
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            found.append((section, name, value))
    return found


def instructions(text):
    """Return the instructions of a container file as `(word, rest)`, in order, each on one line."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [
        (word, " ".join(rest.split()))
        for word, _, rest in (line.partition(" ") for line in joined.splitlines())
        if word
    ]
