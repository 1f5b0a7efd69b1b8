"""The pictures of docs/images."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from support.chromium import find_chromium, launched
from support.stack import Stack

IMAGES = Path("docs/images")
SIZES = {
    "desktop": {"viewport": {"width": 1280, "height": 860}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "device_scale_factor": 2},
}


def main() -> None:
    """Take every picture: each is of a page that was open when the switch was flipped."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit("error: no Chromium found\nfix: install one (Debian: apt install chromium)")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, Stack(Path(place) / "data") as stack, launched(chromium) as browser:
        pages = {name: browser.new_context(**size).new_page() for name, size in SIZES.items()}
        for page in pages.values():
            page.goto(stack.url)
            page.wait_for_selector("html[data-connection=live]")
            page.wait_for_load_state("networkidle")
        for mode, verb in (("full", "restore"), ("degraded", "kill")):
            stack.opsctl(verb, "--yes")
            for name, page in pages.items():
                page.wait_for_selector(f"html[data-mode={mode}]")
                page.screenshot(path=IMAGES / f"{mode}-{name}.png", animations="disabled")
                print(IMAGES / f"{mode}-{name}.png")


if __name__ == "__main__":
    main()
