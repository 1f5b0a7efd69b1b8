import assert from "node:assert/strict";
import { test } from "node:test";

import { pageModule } from "./page_module.mjs";

const { ageText, tone } = await pageModule("labels.js");

test("tints are the ones the server gives (tests/content/test_templates.py has the same table)", () => {
  const table = { sandy: "tone-7", noor: "tone-1", bao: "tone-4", zofia: "tone-6", "": "tone-7", "9x": "tone-1" };
  for (const [person, expected] of Object.entries(table)) assert.equal(tone(person), expected);
});

test("ages are said in one unit", () => {
  assert.equal(ageText(-5), "just now");
  assert.equal(ageText(59), "just now");
  assert.equal(ageText(61), "1 min ago");
  assert.equal(ageText(7200), "2 h ago");
  assert.equal(ageText(3 * 86_400), "3 d ago");
});
