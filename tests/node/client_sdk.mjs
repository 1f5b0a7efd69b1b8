// A driver: runs launchdarkly-node-client-sdk until its input ends, and tells what it sees, one JSON object per line.
import { createInterface } from "node:readline";
import LaunchDarkly from "launchdarkly-node-client-sdk";

const { url, clientSideId, context, options } = JSON.parse(process.argv[2]);
const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const client = LaunchDarkly.initialize(clientSideId, context, {
  baseUrl: url,
  streamUrl: url,
  eventsUrl: url,
  streamReconnectDelay: 100,
  diagnosticOptOut: true,
  logger: LaunchDarkly.basicLogger({ level: "warn", destination: console.error }),
  ...options,
});
client.on("change", (changes) => tell({ event: "change", changes }));
client.on("error", (error) => tell({ event: "error", message: error.message }));

const commands = {
  detail: ({ flag, fallback }) => client.variationDetail(flag, fallback),
  all: () => client.allFlags(),
  identify: ({ context, hash }) => client.identify(context, hash),
  track: ({ key, data, metric }) => client.track(key, data, metric),
  flush: () => client.flush(),
};

try {
  await client.waitForInitialization(20);
  tell({ event: "ready", flags: client.allFlags() });
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
await client.close();
process.exit(0);
