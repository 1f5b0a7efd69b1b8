// The forms, without leaving the page. Each of them works without this.

import { showNewest } from "./posts.js";

const COUNT_FROM = 200;
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
      write(form, isLive);
    }
  });
  watchComposer(document.querySelector("[data-compose]"));
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

async function write(form, isLive) {
  const hint = form.querySelector("[data-compose-hint]");
  const button = form.querySelector("button");
  const text = form.querySelector("textarea");
  button.disabled = true;
  const answer = await send(form);
  button.disabled = false;
  hint.textContent = answer.error ?? "";
  if (answer.error !== undefined) return;
  text.value = "";
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
    });
    const content = await answer.json();
    return answer.ok ? content : { error: content.error ?? "That did not work. Try again in a moment." };
  } catch {
    return { error: "That did not get through. Are you online?" };
  }
}

function watchComposer(form) {
  const text = form.querySelector("textarea");
  const hint = form.querySelector("[data-compose-hint]");
  text.addEventListener("input", () => {
    hint.textContent = text.value.length < COUNT_FROM ? "" : `${text.maxLength - text.value.length} characters left`;
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) form.requestSubmit();
  });
}

/** Go on a choice made with the pointer; with the arrow keys every step is a change, so there the button decides. */
function watchChooser(select) {
  let isByArrows = false;
  select.addEventListener("keydown", (event) => (isByArrows = ARROWS.has(event.key) || event.key.length === 1));
  select.addEventListener("pointerdown", () => (isByArrows = false));
  select.addEventListener("change", () => isByArrows || select.form.requestSubmit());
}
