// What sleep does to a browser: its page stands still, its clock jumps, and its connections die without a word.

import { connect, createServer } from "node:net";

/** A way to the gateway whose open connections can fall dead: nothing comes any more, and whoever writes to one learns that it is gone. */
export async function way(gateway) {
  const { hostname, port } = new URL(gateway);
  const open = new Set();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    const pair = { near, far, isDead: false };
    open.add(pair);
    const end = () => {
      open.delete(pair);
      near.destroy();
      far.destroy();
    };
    near.on("data", (bytes) => (pair.isDead ? end() : far.write(bytes)));
    far.on("data", (bytes) => pair.isDead || near.write(bytes));
    for (const socket of [near, far]) socket.on("error", end);
    near.on("close", end);
    far.on("close", () => pair.isDead || end());
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** Lets all connections that are open now fall dead. */
    die() {
      for (const pair of open) pair.isDead = true;
    },
    close() {
      server.close();
      for (const { near, far } of open) [near, far].forEach((socket) => socket.destroy());
    },
  };
}

/** Lets a page stand still, as a browser does with one that nobody sees, or go on. */
export async function freeze(page, isFrozen) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Page.setWebLifecycleState", { state: isFrozen ? "frozen" : "active" });
  await cdp.detach();
}
