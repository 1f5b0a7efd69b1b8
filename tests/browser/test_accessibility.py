"""The page meets WCAG 2.2 A and AA, as far as axe can tell, in both modes, light and dark, wide and narrow."""

import os
from pathlib import Path

import pytest
from support.stack import FLAG

AXE = Path(__file__).parents[1] / "node/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def axe():
    if not AXE.exists():
        reason = "axe-core is not installed: run `npm ci` in tests/node"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return AXE.read_text(encoding="utf-8")


@pytest.mark.parametrize("verb", ["restore", "kill"])
def test_the_page_has_no_accessibility_violations(restored, visit, axe, verb):
    restored.opsctl(verb, FLAG, "--yes")
    for scheme in ("light", "dark"):
        for width in (1280, 320):
            page = visit(restored.url, color_scheme=scheme, viewport={"width": width, "height": 800})
            page.wait_until_connected()
            page.wait_until_quiet()

            page.page.evaluate(axe)
            found = page.page.evaluate("rules => axe.run({runOnly: {type: 'tag', values: rules}})", RULES)

            violations = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]]
            assert violations == [], f"{scheme}, {width} px"
            assert len(found["passes"]) > 20
