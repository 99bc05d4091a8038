// Messages to the broker, as sensors send them: MQTT 3.1.1, quality of service 1.

import { randomUUID } from "node:crypto";
import { connect } from "node:net";

const CONNECT = 0x10;
const CONNACK = 2;
const PUBLISH = 0x32;
const PUBACK = 4;
const ANSWER_BYTES = 4;
const CLEAN_SESSION = 2;

/** Sends messages, each a topic and a text; resolves when the broker has taken all of them. */
export function publish(url, messages) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let heard = Buffer.alloc(0);
    let taken = 0;
    socket.on("error", reject);
    socket.on("connect", () => {
      const header = Buffer.from([0, 4, ...Buffer.from("MQTT"), 4, CLEAN_SESSION, 0, 30]);
      socket.write(packet(CONNECT, [header, text(`story-${randomUUID()}`)]));
    });
    socket.on("data", (bytes) => {
      // Every answer that can come here has four bytes.
      heard = Buffer.concat([heard, bytes]);
      for (; heard.length >= ANSWER_BYTES; heard = heard.subarray(ANSWER_BYTES)) {
        if (heard[0] >> 4 === CONNACK)
          messages.forEach((message, index) => socket.write(publication(message, index + 1)));
        if (heard[0] >> 4 === PUBACK) taken += 1;
      }
      if (taken < messages.length) return;
      socket.end();
      resolve();
    });
  });
}

function publication([topic, body], id) {
  return packet(PUBLISH, [text(topic), Buffer.from([id >> 8, id & 0xff]), Buffer.from(body)]);
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
