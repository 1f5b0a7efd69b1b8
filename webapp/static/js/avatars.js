// Pictures over the default avatars. The default is always underneath, so taking a picture away is all a kill needs.

import { tone } from "./labels.js";
import { FULL } from "./switch.js";

const root = document.documentElement;
const known = new Map();

/** Take over the pictures the page came with, and remove those that do not load. */
export function watchAvatars() {
  document.addEventListener("error", (event) => dropIfPicture(event.target), true);
  for (const slot of slots(document)) {
    const picture = slot.querySelector("img");
    if (picture === null) continue;
    known.set(slot.dataset.avatar, picture.src);
    if (picture.complete && picture.naturalWidth === 0) dropIfPicture(picture);
  }
}

/** Remember whose picture is where; a null address means the default avatar. */
export function learnAvatars(addresses) {
  for (const [person, address] of Object.entries(addresses ?? {})) learnAvatar(person, address);
}

/** Remember one person's picture. */
export function learnAvatar(person, address) {
  if (isPictureAddress(address)) known.set(person, address);
  else if (address === null) known.delete(person);
}

/** Forget every picture: after a kill no address of a third party is kept. */
export function forgetAvatars() {
  known.clear();
}

/** Make an element's avatar slots stand for a person, with the default avatar in that person's tint. */
export function nameAvatars(element, person) {
  for (const slot of slots(element)) {
    slot.dataset.avatar = person.id;
    slot.dataset.name = person.name;
    slot.className = slot.className.replace(/tone-\d/, tone(person.id));
  }
}

/** Show the known pictures in an element, in full mode only. */
export function showAvatars(element) {
  if (root.dataset.mode !== FULL) return;
  for (const slot of slots(element)) {
    const address = known.get(slot.dataset.avatar);
    if (address !== undefined && slot.querySelector("img") === null) slot.append(picture(slot, address));
  }
}

/** Remove every picture of an element; one that is still loading is cancelled. */
export function hideAvatars(element) {
  for (const image of element.querySelectorAll(".avatar img")) {
    image.removeAttribute("src");
    image.remove();
  }
}

/** Return the ids of everybody whose avatar the page shows. */
export function peopleShown() {
  return [...new Set(Array.from(slots(document), (slot) => slot.dataset.avatar))].filter(Boolean);
}

function slots(element) {
  return element.querySelectorAll("[data-avatar]");
}

function picture(slot, address) {
  const image = new Image();
  image.alt = `Picture of ${slot.dataset.name}`;
  image.decoding = "async";
  image.referrerPolicy = "no-referrer";
  image.src = address;
  return image;
}

function dropIfPicture(element) {
  if (element instanceof HTMLImageElement && element.closest(".avatar") !== null) element.remove();
}

function isPictureAddress(address) {
  if (typeof address !== "string") return false;
  try {
    return ["https:", "http:"].includes(new URL(address).protocol);
  } catch {
    return false;
  }
}
