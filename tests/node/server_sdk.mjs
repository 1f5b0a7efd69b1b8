// A driver: runs @launchdarkly/node-server-sdk until its input ends, and tells what it sees, one JSON object per line.
import { createInterface } from "node:readline";
import { basicLogger, init } from "@launchdarkly/node-server-sdk";

const { url, sdkKey, options } = JSON.parse(process.argv[2]);
const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const client = init(sdkKey, {
  baseUri: url,
  streamUri: url,
  eventsUri: url,
  streamInitialReconnectDelay: 0.1,
  diagnosticOptOut: true,
  logger: basicLogger({ level: "warn", destination: console.error }),
  ...options,
});
client.on("update", ({ key }) => tell({ event: "update", key }));
client.on("error", (error) => tell({ event: "error", message: error.message }));

const commands = {
  detail: ({ flag, context, fallback }) => client.variationDetail(flag, context, fallback),
  all: async ({ context }) => (await client.allFlagsState(context)).toJSON(),
  details: ({ flags, contexts }) =>
    Promise.all(flags.map((flag) => Promise.all(contexts.map((one) => client.variationDetail(flag, one, null))))),
  hash: ({ context }) => client.secureModeHash(context),
  track: ({ key, context, data, metric }) => client.track(key, context, data, metric),
  flush: () => client.flush(),
};

try {
  await client.waitForInitialization({ timeout: 20 });
  tell({ event: "ready" });
} catch (error) {
  tell({ event: "failed", message: error.message });
}
for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...given } = JSON.parse(line);
  try {
    tell({ event: command, result: (await commands[command](given)) ?? null });
  } catch (error) {
    tell({ event: command, failure: error.message });
  }
}
client.close();
process.exit(0);
