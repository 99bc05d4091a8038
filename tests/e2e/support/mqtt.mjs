// One message to the broker, as a sensor sends it: MQTT 3.1.1, quality of service 1.

import { randomUUID } from "node:crypto";
import { connect } from "node:net";

const CONNECT = 0x10;
const CONNACK = 2;
const PUBLISH = 0x32;
const PUBACK = 4;
const CLEAN_SESSION = 2;

/** Resolves when the broker has taken it. */
export function publish(url, topic, body) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    socket.on("error", reject);
    socket.on("connect", () => {
      const header = Buffer.from([0, 4, ...Buffer.from("MQTT"), 4, CLEAN_SESSION, 0, 30]);
      socket.write(packet(CONNECT, [header, text(`story-${randomUUID()}`)]));
    });
    socket.on("data", (answer) => {
      const kind = answer[0] >> 4;
      if (kind === CONNACK) socket.write(packet(PUBLISH, [text(topic), Buffer.from([0, 1]), Buffer.from(body)]));
      if (kind !== PUBACK) return;
      socket.end();
      resolve();
    });
  });
}

function packet(kind, parts) {
  const body = Buffer.concat(parts);
  const length = [];
  for (let rest = body.length; rest > 0 || length.length === 0; rest >>= 7) {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  }
  return Buffer.concat([Buffer.from([kind, ...length]), body]);
}

function text(value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}
