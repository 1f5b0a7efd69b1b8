// What a page does about news of the switch. Pure: nothing here touches the document, the network or the clock.
//
// A page's `state` is { epoch, order, mode, wanted }: the newest epoch it accepted, the mode it shows, and the mode it
// is on the way to. The two differ only between the news of a restore and the moment its content has come. An epoch is
// [flag version, pin number] and only goes forward.
//
// Within one epoch a segment or a prerequisite may still change the mode. There `order`, [origin, number], tells news of
// one origin apart, and the page's own connection is believed, since what is sent on it is in order. Between others
// degraded wins.

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
  return { epoch: isReadable ? epoch : [0, 0], order: null, mode: shown, wanted: shown };
}

/**
 * Read a `state` or `flag_update` message; null when it is not one, or is about another flag. `isOwn`: it came over the
 * page's own connection.
 */
export function readNews(message, flagKey, isOwn = false) {
  if (message === null || typeof message !== "object") return null;
  if (!isEpoch(message.epoch) || !isMode(message.mode)) return null;
  if (message.key !== undefined && message.key !== flagKey) return null;
  const wait = message.refetch_within_ms;
  return {
    epoch: message.epoch,
    order: isOrder(message.order) ? message.order : null,
    mode: message.mode,
    isPinned: message.mode === DEGRADED && message.pinned === true,
    isOwn,
    refetchWithinMs: Number.isFinite(wait) && wait > 0 ? wait : 0,
  };
}

/**
 * Decide about news. Returns { state, action }, where the action is
 * "ignore": nothing; "acknowledge": it shows already, say so; "degrade": change now, from what the page holds;
 * "restore": fetch once, after a random delay, then change.
 */
export function decide(state, news) {
  if (news === null) return { state, action: "ignore" };
  const age = compareNews(news, state);
  if (age < 0) return { state, action: "ignore" };
  if (age === 0 && news.mode === FULL && state.mode === DEGRADED) return { state, action: "ignore" };
  const place = { epoch: news.epoch, order: news.order ?? state.order };
  if (news.mode === DEGRADED) {
    const action = state.mode === DEGRADED ? "acknowledge" : "degrade";
    return { state: { ...place, mode: DEGRADED, wanted: DEGRADED }, action };
  }
  if (state.mode === FULL) return { state: { ...state, ...place }, action: "acknowledge" };
  const isUnderWay = state.wanted === FULL && compareEpochs(news.epoch, state.epoch) === 0;
  return { state: { ...place, mode: DEGRADED, wanted: FULL }, action: isUnderWay ? "ignore" : "restore" };
}

/**
 * Decide about the answer to the fetch of a restore. Returns { state, action }, where the action is
 * "show": change to full with it; "acknowledge": the server went back to degraded, which shows; "drop": a newer
 * decision made it useless; "retry": it comes from before the restore, or from a server that has not heard of it.
 */
export function decideOnContent(state, answer) {
  if (state.wanted !== FULL || state.mode === FULL) return { state, action: "drop" };
  const news = readNews(answer);
  const age = news === null ? -1 : compareNews(news, state);
  if (age < 0) return { state, action: "retry" };
  const place = { epoch: news.epoch, order: news.order ?? state.order };
  if (news.mode === FULL) return { state: { ...place, mode: FULL, wanted: FULL }, action: "show" };
  if (age === 0 && !isOneOrigin(news, state)) return { state, action: "retry" };
  return { state: { ...place, mode: DEGRADED, wanted: DEGRADED }, action: "acknowledge" };
}

/** Return how long to wait before trying a fetch again: doubling from a second to half a minute, half of it random. */
export function retryDelayMs(attempt, random) {
  const longest = Math.min(30_000, 1000 * 2 ** attempt);
  return longest / 2 + (longest / 2) * random;
}

/** Compare news with what the page goes by: negative when the news are older, 0 when neither is. */
function compareNews(news, state) {
  const age = compareEpochs(news.epoch, state.epoch);
  if (age !== 0) return age;
  const later = isOneOrigin(news, state) ? news.order[1] - state.order[1] : 0;
  return later === 0 && news.isOwn ? 1 : later;
}

function isOneOrigin(news, state) {
  return news.order !== null && state.order !== null && news.order[0] === state.order[0];
}

function isOrder(value) {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === "string" && Number.isSafeInteger(value[1]);
}

function isMode(value) {
  return value === FULL || value === DEGRADED;
}

function isEpoch(value) {
  return Array.isArray(value) && value.length === 2 && value.every((part) => Number.isSafeInteger(part) && part >= 0);
}
