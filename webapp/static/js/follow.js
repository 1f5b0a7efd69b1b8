// Carries out what switch.js decides: changes the page, fetches what a restore needs, and says when a change shows.

import { peopleShown } from "./avatars.js";
import { showDegraded, showFull, showPinned } from "./mode.js";
import { decide, decideOnContent, pageState, readNews, retryDelayMs } from "./switch.js";

const MOST_PEOPLE = 60;
const FETCH_TIMEOUT_MS = 10_000;

const root = document.documentElement;

/** Follows the switch for one page. `acknowledge` sends { epoch, mode, hidden } to the server, if it can. */
export class Follower {
  #state = pageState(readEpoch(), root.dataset.mode);
  #acknowledge;
  #restore = null;

  constructor(acknowledge) {
    this.#acknowledge = acknowledge;
  }

  /**
   * Take in news of the switch. `isOwn`: they came over the page's own connection. A restore that names no time of its
   * own is spread over `spreadMs`.
   */
  onNews(message, { isOwn, spreadMs = 0 }) {
    const news = readNews(message, root.dataset.flagKey, isOwn);
    const { state, action } = decide(this.#state, news);
    this.#state = state;
    if (action === "degrade") showDegraded(news.isPinned);
    if (action === "acknowledge") showPinned(news.isPinned);
    if (action === "degrade" || action === "acknowledge") {
      this.#cancelRestore();
      this.#acknowledgeOnceShown();
    }
    if (action === "restore") this.#startRestore(Math.random() * Math.max(news.refetchWithinMs, spreadMs));
  }

  #startRestore(delayMs, attempt = 0) {
    this.#cancelRestore();
    const timer = setTimeout(() => this.#fetchContent(attempt), delayMs);
    this.#restore = { cancel: () => clearTimeout(timer) };
  }

  #cancelRestore() {
    this.#restore?.cancel();
    this.#restore = null;
  }

  async #fetchContent(attempt) {
    const request = new AbortController();
    this.#restore = { cancel: () => request.abort() };
    const timeout = setTimeout(() => request.abort(), FETCH_TIMEOUT_MS);
    const mine = this.#restore;
    const answer = await fetchPersonal(request.signal);
    clearTimeout(timeout);
    if (this.#restore !== mine) return;
    const { state, action } = decideOnContent(this.#state, answer);
    this.#state = state;
    if (action === "show") showFull(answer);
    if (action === "acknowledge") showPinned(answer.pinned === true);
    if (action === "show" || action === "acknowledge") this.#acknowledgeOnceShown();
    if (action === "retry") this.#startRestore(retryDelayMs(attempt, Math.random()), attempt + 1);
  }

  #acknowledgeOnceShown() {
    onceShown(() => {
      const { epoch, mode, wanted } = this.#state;
      if (mode === wanted) this.#acknowledge({ epoch, mode, hidden: document.hidden });
    });
  }
}

async function fetchPersonal(signal) {
  const people = peopleShown().slice(0, MOST_PEOPLE).map(encodeURIComponent).join(",");
  try {
    const answer = await fetch(`/api/personal?people=${people}`, { signal, headers: { Accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** Call back when what the document holds now has been painted, or at once where nothing is painted. */
function onceShown(callback) {
  let isDone = false;
  const done = () => {
    document.removeEventListener("visibilitychange", done);
    if (!isDone) callback();
    isDone = true;
  };
  if (document.hidden) return done();
  document.addEventListener("visibilitychange", done);
  requestAnimationFrame(() => requestAnimationFrame(done));
}

function readEpoch() {
  try {
    return JSON.parse(root.dataset.epoch);
  } catch {
    return null;
  }
}
