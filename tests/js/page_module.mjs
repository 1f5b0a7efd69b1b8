// Loads a module of the page as the browser does, whatever Node thinks a `.js` file is.
import { readFile } from "node:fs/promises";

export async function pageModule(name) {
  const source = await readFile(new URL(`../../webapp/static/js/${name}`, import.meta.url), "utf8");
  return import(`data:text/javascript,${encodeURIComponent(source)}`);
}
