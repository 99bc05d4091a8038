/** The lot that the kiosk stands in. */

import { createContext } from "svelte";
import { AvailabilityService } from "../gen/parkmesh/availability/v1/availability_service_pb";
import type { Floor, Lot } from "../gen/parkmesh/booking/v1/inventory_pb";
import { InventoryService } from "../gen/parkmesh/booking/v1/inventory_service_pb";
import { client } from "../lib/client";
import { Loader } from "../lib/loader.svelte";
import { LotPicture } from "../lib/picture.svelte";

const inventory = client(InventoryService);

export class Place {
  readonly lotId: string;
  readonly picture: LotPicture;
  readonly #things = new Loader<{ lot: Lot | undefined; floors: readonly Floor[] }>();

  constructor(lotId: string) {
    this.lotId = lotId;
    this.picture = new LotPicture(client(AvailabilityService), { lotId, spots: false });
    void this.#things.load(async (signal) => {
      const [{ lot }, { floors }] = await Promise.all([
        inventory.getLot({ lotId }, { signal }),
        inventory.listFloors({ lotId }, { signal }),
      ]);
      return { lot, floors };
    });
  }

  get lot(): Lot | undefined {
    return this.#things.value?.lot;
  }
  get zone(): string {
    return this.lot?.timeZone ?? "UTC";
  }
  floorName(floorId: string): string {
    return this.#things.value?.floors.find((floor) => floor.floorId === floorId)?.name ?? "";
  }

  close(): void {
    this.picture.close();
    this.#things.stop();
  }
}

export const [place, providePlace] = createContext<Place>();
