// What a page does about news of the switch. Pure: nothing here touches the document, the network or the clock.
//
// A page's `state` is { epoch, mode, wanted }: the newest epoch it accepted, the mode it shows, and the mode it is on
// the way to. The two differ only between the news of a restore and the moment its content has come. An epoch is
// [flag version, pin number] and only goes forward; of two different modes at one epoch, degraded wins.

export const FULL = "full";
export const DEGRADED = "degraded";

/** Compare two epochs: negative when `a` is the older one, 0 when they are the same. */
export function compareEpochs(a, b) {
  return a[0] - b[0] || a[1] - b[1];
}

/** Return the state of a page that was rendered with this epoch and mode; unreadable means the oldest, degraded. */
export function pageState(epoch, mode) {
  const isReadable = isEpoch(epoch) && isMode(mode);
  const shown = isReadable ? mode : DEGRADED;
  return { epoch: isReadable ? epoch : [0, 0], mode: shown, wanted: shown };
}

/** Read a `state` or `flag_update` message; null when it is not one, or is about another flag. */
export function readNews(message, flagKey) {
  if (message === null || typeof message !== "object") return null;
  if (!isEpoch(message.epoch) || !isMode(message.mode)) return null;
  if (message.key !== undefined && message.key !== flagKey) return null;
  const wait = message.refetch_within_ms;
  return { epoch: message.epoch, mode: message.mode, refetchWithinMs: Number.isFinite(wait) && wait > 0 ? wait : 0 };
}

/**
 * Decide about news. Returns { state, action }, where the action is
 * "ignore": nothing; "acknowledge": it shows already, say so; "degrade": change now, from what the page holds;
 * "restore": fetch once, after a random delay, then change.
 */
export function decide(state, news) {
  if (news === null) return { state, action: "ignore" };
  const age = compareEpochs(news.epoch, state.epoch);
  if (age < 0) return { state, action: "ignore" };
  if (age === 0 && news.mode === FULL && state.mode === DEGRADED) return { state, action: "ignore" };
  if (news.mode === DEGRADED) {
    const action = state.mode === DEGRADED ? "acknowledge" : "degrade";
    return { state: { epoch: news.epoch, mode: DEGRADED, wanted: DEGRADED }, action };
  }
  if (state.mode === FULL) return { state: { ...state, epoch: news.epoch }, action: "acknowledge" };
  return { state: { epoch: news.epoch, mode: DEGRADED, wanted: FULL }, action: "restore" };
}

/**
 * Decide about the answer to the fetch of a restore. Returns { state, action }, where the action is
 * "show": change to full with it; "acknowledge": the server went back to degraded, which shows; "drop": a newer
 * decision made it useless; "retry": it comes from before the restore.
 */
export function decideOnContent(state, answer) {
  if (state.wanted !== FULL || state.mode === FULL) return { state, action: "drop" };
  const news = readNews(answer);
  if (news === null || compareEpochs(news.epoch, state.epoch) < 0) return { state, action: "retry" };
  if (news.mode === FULL) return { state: { epoch: news.epoch, mode: FULL, wanted: FULL }, action: "show" };
  return { state: { epoch: news.epoch, mode: DEGRADED, wanted: DEGRADED }, action: "acknowledge" };
}

/** Return how long to wait before trying a fetch again: doubling from a second to half a minute, half of it random. */
export function retryDelayMs(attempt, random) {
  const longest = Math.min(30_000, 1000 * 2 ** attempt);
  return longest / 2 + (longest / 2) * random;
}

function isMode(value) {
  return value === FULL || value === DEGRADED;
}

function isEpoch(value) {
  return Array.isArray(value) && value.length === 2 && value.every((part) => Number.isSafeInteger(part) && part >= 0);
}
