// The notice that the feed runs lean: whole at first, then only its heading, which the reader can open again.

const WHOLE_FOR_MS = 12_000;

const place = document.getElementById("notice");
const template = document.getElementById("notice-template");
let timer = null;

/** Look after a notice the page came with. */
export function watchNotice() {
  shrinkLater();
  document.addEventListener("visibilitychange", shrinkLater);
  place.addEventListener("click", () => clearTimeout(timer));
}

/** Show the notice, and return its words. */
export function showNotice() {
  place.replaceChildren(document.importNode(template.content, true));
  shrinkLater();
  return `${place.querySelector("summary").innerText.trim()}. ${place.querySelector("p").textContent}`;
}

/** Take the notice away. */
export function hideNotice() {
  clearTimeout(timer);
  place.replaceChildren();
}

function shrinkLater() {
  clearTimeout(timer);
  const notice = place.querySelector("details");
  if (document.hidden || notice === null) return;
  timer = setTimeout(() => {
    if (notice.matches(":hover, :focus-within")) shrinkLater();
    else notice.open = false;
  }, WHOLE_FOR_MS);
}
