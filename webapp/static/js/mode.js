// The two modes on the page. Each change is one synchronous change of the document: it is never partly one and partly
// the other. Degrading uses only what the page holds.

import { forgetAvatars, hideAvatars, learnAvatar, learnAvatars, nameAvatars, showAvatars } from "./avatars.js";
import { hideNotice, showNotice } from "./notice.js";
import { DEGRADED, FULL } from "./switch.js";

const root = document.documentElement;
const rail = document.getElementById("rail");
const announcer = document.getElementById("announcer");

/** Say whether the page is degraded by hand; what else it shows stays. */
export function showPinned(isPinned) {
  root.toggleAttribute("data-pinned", isPinned);
}

/** Show the page degraded, now. */
export function showDegraded(isPinned) {
  showPinned(isPinned);
  hideAvatars(document);
  forgetAvatars();
  root.dataset.mode = DEGRADED;
  rail.replaceChildren(copyOf("popular-template"));
  announcer.textContent = showNotice();
}

/** Show the page full, with the content that was fetched for it. */
export function showFull(content) {
  showPinned(false);
  learnAvatars(content.avatars);
  root.dataset.mode = FULL;
  const items = Array.isArray(content.recommendations) ? content.recommendations : [];
  if (items.length > 0) rail.replaceChildren(recommendations(items));
  hideNotice();
  announcer.textContent = "Profile pictures and personal picks are back.";
  showAvatars(document);
}

function recommendations(items) {
  const block = copyOf("recommendations-template");
  block.querySelector("ul").replaceChildren(...items.map(suggestion));
  return block;
}

function suggestion(item) {
  const copy = copyOf("suggestion-template").firstElementChild;
  const person = item.kind === "person" ? item.person : item.post.author;
  const text = copy.querySelector(".suggestion-text");
  learnAvatar(person.id, person.avatar_url);
  nameAvatars(copy, person);
  copy.dataset.kind = item.kind;
  copy.querySelector(".name").textContent = person.name;
  copy.querySelector(".handle").textContent = person.handle;
  copy.querySelector(".reason").textContent = item.reason;
  text.textContent = item.kind === "person" ? person.bio : item.post.text;
  if (item.kind === "post") {
    text.classList.add("quote");
    text.dir = "auto";
  }
  return copy;
}

function copyOf(template) {
  return document.importNode(document.getElementById(template).content, true);
}
