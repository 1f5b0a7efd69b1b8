// Small things that are said the same way by the server and by the script. Pure.

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** Return the tint of a person's default avatar; the server's is in templates/partials/macros.html. */
export function tone(person) {
  return `tone-${(LETTERS.indexOf(person[0] ?? "-") + person.length + 8) % 8}`;
}

/** Return an age as people say it; the server's words are in webapp/views.py. */
export function ageText(seconds) {
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} d ago`;
}
