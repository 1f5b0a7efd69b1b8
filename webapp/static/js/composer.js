// Where the visitor writes: the draft outlives a reload and a change of visitor, and a post that gets no answer.

const COUNT_FROM = 200;
const CLOSE_AFTER_MS = 300;
const DRAFT = "lantern.draft";

const form = document.querySelector("[data-compose]");
const text = form.querySelector("textarea");
const hint = form.querySelector("[data-compose-hint]");
const button = form.querySelector("button");

/** Bring back the draft, and look after the form. */
export function watchComposer() {
  text.value = storedDraft() || text.value;
  showOpen();
  text.addEventListener("input", () => {
    storeDraft(text.value);
    if (!isPosting()) showLeft();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) form.requestSubmit();
  });
  form.addEventListener("focusin", showOpen);
  // Later, since closing moves what the reader may be pressing right now.
  form.addEventListener("focusout", () => setTimeout(showOpen, CLOSE_AFTER_MS));
  document.querySelector(`a[href="#${text.id}"]`)?.addEventListener("click", () => setTimeout(() => text.focus()));
}

/** Send what is written with `send(form)`; return whether it was posted. Only one post is under way at a time. */
export async function postDraft(send) {
  if (isPosting()) return false;
  const sent = text.value;
  button.setAttribute("aria-disabled", "true");
  hint.textContent = "Posting…";
  const answer = await send(form);
  button.removeAttribute("aria-disabled");
  hint.textContent = answer.error ?? "";
  if (answer.error !== undefined) return false;
  if (text.value === sent) text.value = "";
  storeDraft(text.value);
  showOpen();
  return true;
}

function isPosting() {
  return button.hasAttribute("aria-disabled");
}

function showLeft() {
  hint.textContent = text.value.length < COUNT_FROM ? "" : `${text.maxLength - text.value.length} characters left`;
}

function showOpen() {
  form.toggleAttribute("data-open", text.value !== "" || form.contains(document.activeElement));
}

function storedDraft() {
  try {
    return sessionStorage.getItem(DRAFT);
  } catch {
    return null;
  }
}

function storeDraft(draft) {
  try {
    if (draft === "") sessionStorage.removeItem(DRAFT);
    else sessionStorage.setItem(DRAFT, draft);
  } catch {
    // A browser that keeps nothing: then the draft lives as long as the page.
  }
}
