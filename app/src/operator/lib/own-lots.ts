/** The lots that an operator runs. ListLots tells all there are; writes to those of others are refused anyway. */

import type { Lot } from "../../gen/parkmesh/booking/v1/inventory_pb";
import { InventoryService } from "../../gen/parkmesh/booking/v1/inventory_service_pb";
import { client } from "../../lib/client";
import type { Claims } from "../../lib/session.svelte";
import { all } from "./pages";

const inventory = client(InventoryService);
const PAGE_SIZE = 200;

export async function ownLots(claims: Claims, signal: AbortSignal): Promise<Lot[]> {
  const lots = await all(
    (pageToken) => inventory.listLots({ pageSize: PAGE_SIZE, pageToken }, { signal }),
    (page) => page.lots,
  );
  const isBound = claims.lots.length > 0;
  return lots.filter((lot) => lot.operatorId === claims.sub && (!isBound || claims.lots.includes(lot.lotId)));
}
