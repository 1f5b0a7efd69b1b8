// The same as flask_socketio_peer.py, on socket.io for Node.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Server } from "socket.io";

const PAGE = "<!doctype html><title>A page</title>" + "<p>some text</p>".repeat(60);
const http = createServer((_request, response) => {
  response.writeHead(200, { "Content-Type": "text/html", "Content-Length": PAGE.length });
  response.end(PAGE);
});
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false, cors: { origin: "*" } });
io.on("connection", (socket) => {
  socket.emit("state", { epoch: [1, 0], mode: "full" });
  socket.on("flag_ack", () => {});
});
http.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });

createInterface({ input: process.stdin }).on("line", (line) => {
  const version = Number(line);
  process.stdout.write(JSON.stringify({ began_ns: Number(process.hrtime.bigint()) }) + "\n");
  io.emit("flag_update", {
    key: "show-avatars-and-reccs",
    new_value: false,
    epoch: [version, 0],
    mode: version % 2 === 0 ? "degraded" : "full",
    reason: "OFF",
    refetch_within_ms: 0,
  });
});
