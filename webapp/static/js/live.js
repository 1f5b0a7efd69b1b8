// The connection: Socket.IO over a websocket, and where that is not to be had, a poll of /api/mode.

import { io } from "../vendor/socket.io.esm.min.js";

const POLL_EVERY_MS = 3000;
const POLL_AT_LEAST_EVERY_MS = 15_000;
const POLL_TIMEOUT_MS = 5000;
const RESTORE_SPREAD_MS = 1500;
const LONG_HIDDEN_MS = 10_000;
const TURNED_AWAY_WAIT_MS = 5000;

const WORDS = {
  connecting: "Connecting…",
  live: "Live",
  polling: "Updates may be slow",
  off: "Offline, trying again",
};

const root = document.documentElement;
const words = document.querySelector("[data-connection-text]");

/** Connects a page: news of the switch go to `onNews(message, { isOwn, spreadMs })`, posts to `onPost(post)`. */
export class Connection {
  #onNews;
  #socket;
  #poll = null;
  #failures = 0;
  #hiddenSince = document.hidden ? performance.now() : null;

  constructor(onNews, onPost) {
    this.#onNews = onNews;
    this.#socket = io({
      transports: ["websocket"],
      reconnectionDelay: 500,
      reconnectionDelayMax: 8000,
      randomizationFactor: 0.7,
      timeout: 8000,
    });
    this.#socket.on("state", (message) => this.#onState(message));
    this.#socket.on("flag_update", (message) => onNews(message, { isOwn: true }));
    this.#socket.on("post", onPost);
    this.#socket.on("connect_error", () => this.#socket.active || this.#connectLater());
    this.#socket.on("disconnect", (reason) => this.#onDisconnect(reason));
    show("connecting");
    this.#pollIn(POLL_EVERY_MS);
    document.addEventListener("visibilitychange", () => this.#onVisibility());
    document.addEventListener("resume", () => this.#catchUp());
    window.addEventListener("pageshow", (event) => event.persisted && this.#catchUp());
    window.addEventListener("online", () => this.#catchUp());
  }

  /** Whether posts and changes arrive by themselves. */
  get isLive() {
    return this.#socket.connected;
  }

  /** Tell the server what the page shows; without a connection nobody asks. */
  acknowledge(shown) {
    if (this.#socket.connected) this.#socket.emit("flag_ack", shown);
  }

  #onState(message) {
    clearTimeout(this.#poll);
    this.#failures = 0;
    this.#onNews(message, { isOwn: true, spreadMs: RESTORE_SPREAD_MS });
    show("live");
  }

  #onDisconnect(reason) {
    show("connecting");
    this.#pollIn(Math.random() * POLL_EVERY_MS);
    if (reason === "io server disconnect") this.#connectLater();
  }

  /** The client tries again by itself after a failure, but not when the server turned it away. */
  #connectLater() {
    setTimeout(() => this.#socket.connect(), TURNED_AWAY_WAIT_MS * (1 + Math.random()));
  }

  #onVisibility() {
    const hiddenSince = this.#hiddenSince;
    this.#hiddenSince = document.hidden ? performance.now() : null;
    if (document.hidden || hiddenSince === null) return;
    if (performance.now() - hiddenSince > LONG_HIDDEN_MS || !this.#socket.connected) this.#catchUp();
  }

  /** After a sleep, a freeze or a network change: ask now, since the connection may not know yet that it is dead. */
  #catchUp() {
    if (!this.#socket.connected) this.#socket.disconnect().connect();
    this.#askForMode();
  }

  #pollIn(delayMs) {
    clearTimeout(this.#poll);
    this.#poll = setTimeout(() => this.#askForMode(), delayMs);
  }

  async #askForMode() {
    const message = await fetchMode();
    if (message !== null) this.#onNews(message, { isOwn: false, spreadMs: RESTORE_SPREAD_MS });
    if (this.#socket.connected) return;
    this.#failures = message === null ? this.#failures + 1 : 0;
    show(message === null ? "off" : "polling");
    const waitMs = Math.min(POLL_AT_LEAST_EVERY_MS, POLL_EVERY_MS * 2 ** Math.min(this.#failures, 3));
    this.#pollIn(waitMs * (0.75 + Math.random() / 4));
  }
}

/** Ask for the mode; the browser revalidates its copy, so that an unchanged mode costs a 304. */
async function fetchMode() {
  try {
    const answer = await fetch("/api/mode", {
      cache: "no-cache",
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(POLL_TIMEOUT_MS),
    });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function show(connection) {
  root.dataset.connection = connection;
  words.textContent = WORDS[connection];
}
