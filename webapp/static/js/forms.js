// The forms, without leaving the page. Each of them works without this.

import { postDraft, watchComposer } from "./composer.js";
import { showNewest } from "./posts.js";

const ANSWER_WITHIN_MS = 8000;
const REFUSED = "That did not work. Try again in a moment.";
const NO_ANSWER = "No answer. It may have arrived all the same: look in the feed before you try again.";
const ARROWS = new Set(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"]);

const announcer = document.getElementById("announcer");

/** Enhance liking, writing and becoming somebody else. `isLive()` says whether a written post will arrive by itself. */
export function enhanceForms(isLive) {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("[data-like]")) {
      event.preventDefault();
      like(form);
    } else if (form.matches("[data-compose]")) {
      event.preventDefault();
      write(isLive);
    }
  });
  watchComposer();
  watchChooser(document.querySelector("[data-visit-as] select"));
}

async function like(form) {
  if (form.dataset.isBusy) return;
  form.dataset.isBusy = "true";
  const button = form.querySelector("button");
  const count = form.querySelector("[data-like-count]");
  const wasLiked = button.getAttribute("aria-pressed") === "true";
  const countBefore = Number(count.textContent);
  const show = (isLiked, likes) => {
    button.setAttribute("aria-pressed", String(isLiked));
    count.textContent = String(likes);
  };
  show(!wasLiked, countBefore + (wasLiked ? -1 : 1));
  const answer = await send(form);
  delete form.dataset.isBusy;
  if (typeof answer.like_count === "number") return show(answer.liked_by_me === true, answer.like_count);
  show(wasLiked, countBefore);
  announcer.textContent = answer.error;
}

async function write(isLive) {
  const isPosted = await postDraft(send);
  if (!isPosted) return;
  if (!isLive()) return location.reload();
  announcer.textContent = "Posted.";
  showNewest();
}

/** Send a form; return the answer's JSON, with an `error` in words when it was refused or did not get through. */
async function send(form) {
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(form)),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const content = await answer.json();
    return answer.ok ? content : { error: content.error ?? REFUSED };
  } catch (error) {
    if (error instanceof SyntaxError) return { error: REFUSED };
    return { error: error.name === "TimeoutError" ? NO_ANSWER : "That did not get through. Are you online?" };
  }
}

/** Go on a choice made with the pointer; with the arrow keys every step is a change, so there the button decides. */
function watchChooser(select) {
  let isByArrows = false;
  select.addEventListener("keydown", (event) => (isByArrows = ARROWS.has(event.key) || event.key.length === 1));
  select.addEventListener("pointerdown", () => (isByArrows = false));
  select.addEventListener("change", () => isByArrows || select.form.requestSubmit());
}
