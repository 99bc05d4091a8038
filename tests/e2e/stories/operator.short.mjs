import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible } from "../support/browser.mjs";
import { bay, live, operator, vacate } from "../support/operator.mjs";
import { sensorSays } from "../support/system.mjs";

test("an operator sees a car come, looks at its spot, takes it out of service and puts it back", async () => {
  const olga = await operator("map");
  await live(olga);
  await vacate(olga, "0-166");
  await accessible(olga, "operator, map");
  await sensorSays("0-166", true);
  await bay(olga, "0-166", "occupied").waitFor();

  await olga.getByLabel("Find a spot").fill("0-166");
  await olga.getByRole("button", { name: "Find a spot" }).click();
  const panel = olga.getByRole("region", { name: "Spot 0-166" });
  await panel.getByText("a car stands here").first().waitFor();
  await accessible(olga, "operator, a spot");
  await panel.getByRole("button", { name: "Take out of service" }).click();
  await bay(olga, "0-166", "closed").waitFor();
  await panel.getByText("by olga").first().waitFor();
  await panel.getByRole("button", { name: "Put back in service" }).click();
  await bay(olga, "0-166", "occupied").waitFor();
  assert.ok((await panel.getByText("state of the spot changed").count()) >= 2);
});
