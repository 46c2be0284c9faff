// One end of a wire between two simulated hosts, in a network namespace beside one of them. It has the other host's address:
// whoever connects to it there is connected to the same port of the other host, by the other end. Bytes go between the ends by
// a socket in a file, each after a delay.
//   node relay.js '{"listen": address, "ports": [first, last], "toHost": address, "own": socket, "other": socket, "delayMs": 20}'
// On stdin "stall" and "flow" hold bytes back and let them go on.
import { connect, createServer } from "node:net";
import { Transform } from "node:stream";

const { listen, ports, toHost, own, other, delayMs } = JSON.parse(process.argv[2]);

let stalled = false;
const waiting = new Set();
process.stdin.setEncoding("utf8").on("data", (text) => {
  stalled = text.trim().endsWith("stall");
  if (!stalled) for (const go of waiting) go();
  if (!stalled) waiting.clear();
});

/** Passes bytes on in order, each chunk some time after it came, and none while the wire stalls. */
function delayed() {
  let last = Promise.resolve();
  return new Transform({
    highWaterMark: 1 << 20,
    transform(chunk, _, done) {
      const until = performance.now() + delayMs;
      last = last
        .then(() => new Promise((resolve) => setTimeout(resolve, Math.max(0, until - performance.now()))))
        .then(() => (stalled ? new Promise((resolve) => waiting.add(resolve)) : undefined))
        .then(() => void this.push(chunk));
      if (this.writableLength < 1 << 18) done();
      else void last.then(() => done());
    },
    flush(done) {
      void last.then(() => done());
    },
  });
}

/** A connection is passed on both ways; the end of one side ends the other. */
function join(a, b) {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ]) {
    from.pipe(delayed()).pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => to.end());
  }
}

// From the other end: two bytes say which port is meant. Where nobody listens there yet, it is waited for: who connects would take
// a wire that opens and closes for a host that is broken.
createServer((wire) => {
  wire.on("error", () => wire.destroy());
  wire.once("readable", () => {
    const port = wire.read(2)?.readUInt16BE();
    if (port === undefined) return wire.destroy();
    const reach = () => {
      if (wire.destroyed) return;
      const target = connect({ host: toHost, port, noDelay: true });
      target.once("error", () => setTimeout(reach, 100));
      target.once("connect", () => {
        target.removeAllListeners("error");
        join(wire, target);
      });
    };
    reach();
  });
}).listen(own);

let listening = 0;
for (let port = ports[0]; port <= ports[1]; port++) {
  createServer({ noDelay: true }, (socket) => {
    const wire = connect(other);
    const head = Buffer.alloc(2);
    head.writeUInt16BE(port);
    wire.on("error", () => socket.destroy());
    wire.write(head);
    join(socket, wire);
  }).listen(port, listen, () => {
    if (++listening === ports[1] - ports[0] + 1) console.log("ready");
  });
}
