// The feed's list: posts that arrive, posts that wait for the reader, and how long ago they were written.

import { learnAvatar, nameAvatars, showAvatars } from "./avatars.js";
import { ageText } from "./labels.js";

const MOST_POSTS = 200;
const AT_TOP_PX = 120;
const AGES_EVERY_MS = 30_000;

const list = document.querySelector("[data-posts]");
const empty = document.querySelector("[data-empty]");
const pill = document.querySelector("[data-new-posts]");
const pillText = document.querySelector("[data-new-posts-text]");
const template = document.getElementById("post-template");
let waiting = [];

/** Follow the reader, and keep ages right. */
export function watchPosts() {
  pill.addEventListener("click", () => {
    showNewest();
    list.firstElementChild?.focus({ preventScroll: true });
  });
  window.addEventListener("scroll", () => isReaderAtTop() && showWaiting(), { passive: true });
  setInterval(updateAges, AGES_EVERY_MS);
}

/** Show a post that arrived: on top when the reader is there, else behind the pill. */
export function receivePost(post) {
  if (!isPost(post) || isKnown(post.id)) return;
  learnAvatar(post.author.id, post.author.avatar_url);
  if (isReaderAtTop()) return insert(post);
  waiting = [...waiting, post].slice(-MOST_POSTS);
  updatePill();
}

/** Bring the reader to the top, and show what waits there. */
export function showNewest() {
  showWaiting();
  window.scrollTo({ top: 0, behavior: prefersStillness() ? "auto" : "smooth" });
}

function showWaiting() {
  if (waiting.length === 0) return;
  const posts = waiting;
  waiting = [];
  posts.forEach(insert);
  updatePill();
}

function insert(post) {
  const card = cardOf(post);
  list.prepend(card);
  showAvatars(card);
  while (list.children.length > MOST_POSTS) list.lastElementChild.remove();
  empty.hidden = true;
}

function cardOf(post) {
  const card = document.importNode(template.content, true).firstElementChild;
  card.id = `post-${post.id}`;
  card.dataset.post = post.id;
  card.classList.add("is-new");
  nameAvatars(card, post.author);
  const name = card.querySelector(".name");
  name.textContent = post.author.name;
  name.id = `author-${post.id}`;
  card.setAttribute("aria-labelledby", name.id);
  card.querySelector(".handle").textContent = post.author.handle;
  card.querySelector(".post-text").textContent = post.text;
  const time = card.querySelector("time");
  time.dateTime = post.created_iso;
  time.textContent = post.ago;
  card.querySelector(".topics").replaceChildren(...post.topics.map(topicOf));
  const form = card.querySelector("[data-like]");
  form.dataset.like = post.id;
  form.setAttribute("action", `/posts/${encodeURIComponent(post.id)}/like`);
  const button = form.querySelector("button");
  form.querySelector("[data-like-author]").textContent = post.author.name;
  button.setAttribute("aria-pressed", String(post.liked_by_me === true));
  form.querySelector("[data-like-count]").textContent = String(post.like_count);
  return card;
}

function topicOf(topic) {
  const item = document.createElement("li");
  item.className = "topic";
  item.textContent = topic;
  return item;
}

function updatePill() {
  pill.hidden = waiting.length === 0;
  pillText.textContent = waiting.length === 1 ? "1 new post" : `${waiting.length} new posts`;
}

function updateAges() {
  for (const time of list.querySelectorAll("time")) {
    const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
    if (Number.isFinite(seconds)) time.textContent = ageText(seconds);
  }
}

function isReaderAtTop() {
  return window.scrollY < AT_TOP_PX;
}

function isKnown(id) {
  return document.getElementById(`post-${id}`) !== null || waiting.some((post) => post.id === id);
}

function isPost(post) {
  return (
    post !== null && typeof post === "object" && typeof post.id === "string" && typeof post.text === "string" &&
    typeof post.author?.id === "string" && typeof post.author.name === "string" && Array.isArray(post.topics)
  );
}

function prefersStillness() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}
