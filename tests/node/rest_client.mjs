// A driver: calls launchdarkly-api-typescript as it is told, one JSON object per line, and tells what comes back.
import { createInterface } from "node:readline";
import ld from "launchdarkly-api-typescript";

const { url, token } = JSON.parse(process.argv[2]);
const configuration = new ld.Configuration({ apiKey: token, basePath: url });
const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");

async function call({ api, method, args }) {
  try {
    const { status, data, headers } = await new ld[api](configuration)[method](...args.map((one) => one ?? undefined));
    return { status, data, headers };
  } catch (error) {
    if (error.response === undefined) throw error;
    const { status, data, headers } = error.response;
    return { status, data, headers };
  }
}

tell({ event: "ready" });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    tell({ event: "call", result: await call(JSON.parse(line)) });
  } catch (error) {
    tell({ event: "call", failure: String(error) });
  }
}
