// Before the first story: every sensor of the demo mall speaks, so that it is known where cars stand.

import { client, eventually, sensorsSay, up } from "./support/system.mjs";

/** Spots that no story wants to be taken: the last fifty of a floor. */
const QUIET = /-1[5-9]\d$/;

const inventory = client("booking.v1.InventoryService", "operator");
const { spots } = await inventory.listSpots({
  lotId: up.lot_id,
  pageSize: 1000,
});
const numbers = spots.map((spot) => spot.spotNumber);
/** A pattern that looks like chance, and is the same each time. */
const parked = (number, index) => !QUIET.test(number) && (index * 7919) % 11 < 4;
await sensorsSay(numbers.map((number, index) => [number, parked(number, index)]));

const availability = client("availability.v1.AvailabilityService", "operator");
const wanted = numbers.filter((number, index) => !parked(number, index)).length;
await eventually("the picture of the mall", async () => {
  const { free } = await availability.getAvailability({ lotId: up.lot_id });
  return free === wanted;
});
