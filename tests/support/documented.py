"""What the program writes in JSON against the page that describes it."""

import re


def keys_of(value):
    """Yield every key in a JSON value, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def undocumented(keys, text):
    """Return those of the keys that the text does not name."""
    return [key for key in sorted(set(keys)) if not re.search(rf'["`.]{key}["`]', text)]
