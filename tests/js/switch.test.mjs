import assert from "node:assert/strict";
import { test } from "node:test";

import { pageModule } from "./page_module.mjs";

const { compareEpochs, decide, decideOnContent, pageState, readNews, retryDelayMs } = await pageModule("switch.js");

const news = (epoch, mode, more = {}) => readNews({ epoch, mode, ...more }, "the-flag");
const own = (epoch, mode, order) => readNews({ epoch, mode, order }, "the-flag", true);
const page = (epoch, mode, wanted = mode, order = null) => ({ epoch, order, mode, wanted });

test("epochs compare by version, then by pin", () => {
  assert.ok(compareEpochs([8, 0], [7, 9]) > 0);
  assert.ok(compareEpochs([7, 1], [7, 2]) < 0);
  assert.equal(compareEpochs([7, 2], [7, 2]), 0);
});

test("a page is what it was rendered as", () => {
  assert.deepEqual(pageState([7, 0], "full"), page([7, 0], "full"));
});

test("a page whose epoch or mode cannot be read is degraded and older than any news", () => {
  for (const [epoch, mode] of [[null, "full"], [[7], "full"], [[7, -1], "full"], [["7", 0], "full"], [[7, 0], "other"]]) {
    assert.deepEqual(pageState(epoch, mode), page([0, 0], "degraded"));
  }
});

test("what is no news, or is about another flag, is ignored", () => {
  const odd = [
    null, undefined, 7, "full", {}, { epoch: [8, 0] }, { mode: "full" }, { epoch: [8, 0], mode: "half" },
    { epoch: [8.5, 0], mode: "full" }, { epoch: [8, 0], mode: "degraded", key: "another-flag" },
  ];
  for (const message of odd) {
    assert.equal(readNews(message, "the-flag"), null);
    assert.equal(decide(page([7, 0], "full"), readNews(message, "the-flag")).action, "ignore");
  }
});

test("news says how far a restore is spread; what is no such time is none", () => {
  assert.equal(news([8, 0], "full", { refetch_within_ms: 1500 }).refetchWithinMs, 1500);
  for (const wait of [undefined, null, -5, "9", Number.NaN, Infinity]) {
    assert.equal(news([8, 0], "full", { refetch_within_ms: wait }).refetchWithinMs, 0);
  }
});

test("news says whether the feed is degraded by hand, and nothing else can be", () => {
  assert.equal(news([8, 1], "degraded", { pinned: true }).isPinned, true);
  for (const pinned of [undefined, null, false, "true", 1]) {
    assert.equal(news([8, 1], "degraded", { pinned }).isPinned, false);
  }
  assert.equal(news([8, 1], "full", { pinned: true }).isPinned, false);
});

test("a pin of a page that is degraded already is acknowledged, and so is its release while it stays degraded", () => {
  const pinned = decide(page([8, 0], "degraded"), news([8, 1], "degraded", { pinned: true }));
  const released = decide(pinned.state, news([8, 2], "degraded"));

  assert.deepEqual([pinned.action, released.action], ["acknowledge", "acknowledge"]);
  assert.deepEqual(released.state.epoch, [8, 2]);
});

test("a kill degrades at once", () => {
  const { state, action } = decide(page([7, 0], "full"), news([8, 0], "degraded", { key: "the-flag" }));

  assert.equal(action, "degrade");
  assert.deepEqual(state, page([8, 0], "degraded"));
});

test("a restore is wanted but not shown until its content has come", () => {
  const { state, action } = decide(page([8, 0], "degraded"), news([9, 0], "full"));

  assert.equal(action, "restore");
  assert.deepEqual(state, page([9, 0], "degraded", "full"));
});

test("older news is ignored, whatever it says", () => {
  for (const mode of ["full", "degraded"]) {
    for (const shown of ["full", "degraded"]) {
      const before = page([8, 1], shown);
      assert.deepEqual(decide(before, news([8, 0], mode)), { state: before, action: "ignore" });
      assert.deepEqual(decide(before, news([7, 9], mode)), { state: before, action: "ignore" });
    }
  }
});

test("the same epoch and mode again is only acknowledged again", () => {
  for (const mode of ["full", "degraded"]) {
    const before = page([8, 0], mode);
    assert.deepEqual(decide(before, news([8, 0], mode)), { state: before, action: "acknowledge" });
  }
});

test("a newer epoch in the mode that shows is taken over and acknowledged", () => {
  for (const mode of ["full", "degraded"]) {
    assert.deepEqual(decide(page([8, 0], mode), news([9, 0], mode)), {
      state: page([9, 0], mode),
      action: "acknowledge",
    });
  }
});

test("at one epoch degraded wins over full, in either order", () => {
  assert.equal(decide(page([8, 0], "full"), news([8, 0], "degraded")).action, "degrade");
  assert.equal(decide(page([8, 0], "degraded"), news([8, 0], "full")).action, "ignore");
});

test("within one epoch the page's own connection is obeyed, whichever way it goes", () => {
  const killed = decide(page([8, 0], "full", "full", ["a", 3]), own([8, 0], "degraded", ["a", 4])).state;
  assert.deepEqual(killed, page([8, 0], "degraded", "degraded", ["a", 4]));

  const restored = decide(killed, own([8, 0], "full", ["a", 5]));

  assert.equal(restored.action, "restore");
  assert.deepEqual(restored.state, page([8, 0], "degraded", "full", ["a", 5]));
  const shown = decideOnContent(restored.state, { epoch: [8, 0], mode: "full", order: ["a", 5] });
  assert.equal(shown.action, "show");
  assert.deepEqual(decide(shown.state, own([8, 0], "full", ["a", 5])).action, "acknowledge");
});

test("a connection to another worker is obeyed too, since that one tells of every change from then on", () => {
  const { action } = decide(page([8, 0], "degraded", "degraded", ["a", 4]), own([8, 0], "full", ["b", 1]));

  assert.equal(action, "restore");
});

test("what comes late by another way does not undo what the same worker said after it", () => {
  const before = page([8, 0], "full", "full", ["a", 5]);
  assert.deepEqual(decide(before, news([8, 0], "degraded", { order: ["a", 4] })), { state: before, action: "ignore" });

  const killed = page([8, 0], "degraded", "degraded", ["a", 5]);
  assert.equal(decide(killed, news([8, 0], "full", { order: ["a", 4] })).action, "ignore");
  assert.equal(decide(killed, news([8, 0], "full", { order: ["a", 5] })).action, "ignore");
});

test("a page that only polls follows the order of one worker, and degraded wins between two", () => {
  const killed = page([8, 0], "degraded", "degraded", ["a", 4]);
  assert.equal(decide(killed, news([8, 0], "full", { order: ["a", 5] })).action, "restore");
  assert.equal(decide(killed, news([8, 0], "full", { order: ["b", 9] })).action, "ignore");

  const full = page([8, 0], "full", "full", ["a", 4]);
  assert.equal(decide(full, news([8, 0], "degraded", { order: ["b", 1] })).action, "degrade");
});

test("an epoch outranks any order", () => {
  const before = page([8, 0], "degraded", "degraded", ["a", 4]);

  assert.equal(decide(before, own([7, 0], "full", ["a", 9])).action, "ignore");
  assert.equal(decide(before, news([9, 0], "full", { order: ["a", 1] })).action, "restore");
});

test("content of a worker that has not heard of the restore is asked for again", () => {
  const restoring = page([8, 0], "degraded", "full", ["a", 5]);

  for (const order of [["a", 4], ["b", 9], undefined, "x", ["a"], [1, 1]]) {
    const answer = { epoch: [8, 0], mode: "degraded", order };
    assert.deepEqual(decideOnContent(restoring, answer), { state: restoring, action: "retry" });
  }
  const back = decideOnContent(restoring, { epoch: [8, 0], mode: "degraded", order: ["a", 6] });
  assert.equal(back.action, "acknowledge");
  assert.equal(back.state.wanted, "degraded");
});

test("a pin outranks the version it pins", () => {
  const pinned = decide(page([8, 0], "full"), news([8, 1], "degraded")).state;

  assert.deepEqual(pinned, page([8, 1], "degraded"));
  assert.equal(decide(pinned, news([8, 0], "full")).action, "ignore");
});

test("a kill during a restore calls the restore off", () => {
  const restoring = page([9, 0], "degraded", "full");

  const { state, action } = decide(restoring, news([10, 0], "degraded"));

  assert.equal(action, "acknowledge");
  assert.deepEqual(state, page([10, 0], "degraded"));
  assert.equal(decideOnContent(state, { epoch: [9, 0], mode: "full" }).action, "drop");
});

test("the news of a restore that is under way does not start it again; a newer restore does", () => {
  const restoring = page([9, 0], "degraded", "full");

  assert.equal(decide(restoring, news([9, 0], "full")).action, "ignore");
  assert.deepEqual(decide(restoring, news([11, 0], "full")), {
    state: page([11, 0], "degraded", "full"),
    action: "restore",
  });
});

test("content at the restore's epoch or a newer one is shown", () => {
  const restoring = page([9, 0], "degraded", "full");

  assert.deepEqual(decideOnContent(restoring, { epoch: [9, 0], mode: "full" }), {
    state: page([9, 0], "full"),
    action: "show",
  });
  assert.deepEqual(decideOnContent(restoring, { epoch: [11, 0], mode: "full" }).state, page([11, 0], "full"));
});

test("content from before the restore is asked for again, as is what did not come at all", () => {
  const restoring = page([9, 0], "degraded", "full");

  for (const answer of [null, {}, { epoch: [7, 0], mode: "full" }, { epoch: [8, 0], mode: "degraded" }]) {
    assert.deepEqual(decideOnContent(restoring, answer), { state: restoring, action: "retry" });
  }
});

test("a restore that the server took back stays degraded and is acknowledged", () => {
  assert.deepEqual(decideOnContent(page([9, 0], "degraded", "full"), { epoch: [10, 0], mode: "degraded" }), {
    state: page([10, 0], "degraded"),
    action: "acknowledge",
  });
});

test("content that comes when full already shows is dropped", () => {
  const before = page([9, 0], "full");

  assert.deepEqual(decideOnContent(before, { epoch: [9, 0], mode: "full" }), { state: before, action: "drop" });
});

test("after any sequence of news the epoch never went down and the last newest news wins", () => {
  let seed = 20250714;
  const random = (below) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  for (let round = 0; round < 500; round += 1) {
    let state = pageState([1, 0], "full");
    let newest = { epoch: [1, 0], mode: "full" };
    for (let step = 0; step < 30; step += 1) {
      const told = { epoch: [1 + random(8), random(2)], mode: random(2) ? "full" : "degraded" };
      const age = compareEpochs(told.epoch, newest.epoch);
      if (age > 0 || (age === 0 && told.mode === "degraded")) newest = told;
      const before = state;
      ({ state } = decide(state, readNews(told, "the-flag")));
      if (random(3) === 0) ({ state } = decideOnContent(state, { ...newest }));
      assert.ok(compareEpochs(state.epoch, before.epoch) >= 0);
      assert.deepEqual(state.epoch, newest.epoch);
      assert.equal(state.wanted, newest.mode);
      assert.ok(state.mode === "degraded" || newest.mode === "full", "full is never shown when degraded is wanted");
    }
  }
});

test("retries wait longer each time, up to half a minute, and never all at the same moment", () => {
  assert.equal(retryDelayMs(0, 0), 500);
  assert.equal(retryDelayMs(0, 1), 1000);
  assert.equal(retryDelayMs(3, 1), 8000);
  assert.equal(retryDelayMs(50, 1), 30_000);
  assert.equal(retryDelayMs(50, 0), 15_000);
});
