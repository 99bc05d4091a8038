/** The lot that the operator looks at: what it is made of, and its picture as it changes. */

import { createContext } from "svelte";
import { AvailabilityService } from "../../gen/parkmesh/availability/v1/availability_service_pb";
import type { Floor, Lot } from "../../gen/parkmesh/booking/v1/inventory_pb";
import { InventoryService } from "../../gen/parkmesh/booking/v1/inventory_service_pb";
import { client } from "../../lib/client";
import { clock } from "../../lib/clock.svelte";
import { match } from "../../lib/route.svelte";
import { Watch } from "../../lib/watch.svelte";
import { LiveLot } from "../map/live-lot.svelte";
import { Resource } from "./resource.svelte";

const inventory = client(InventoryService);
const availability = client(AvailabilityService);

export class OpenLot {
  readonly id: string;
  readonly live = new LiveLot();
  readonly watch;
  readonly #things;
  #resumeToken = "";

  /** To be made while a component is; `close` ends its stream. */
  constructor(lotId: string) {
    this.id = lotId;
    this.#things = new Resource(async (signal) => {
      const [{ lot }, { floors }] = await Promise.all([
        inventory.getLot({ lotId }, { signal }),
        inventory.listFloors({ lotId }, { signal }),
      ]);
      return { lot, floors };
    });
    this.watch = new Watch({
      open: (signal) =>
        availability.watchAvailability(
          { lotId, includeSpots: true, resumeToken: this.#resumeToken },
          { signal },
        ),
      take: (answer) => {
        if (answer.resumeToken !== "") this.#resumeToken = answer.resumeToken;
        clock.heard(answer.counts?.freshness?.asOf);
        this.live.hear(answer);
      },
    });
  }

  /** Undefined until it is loaded. */
  get lot(): Lot | undefined {
    return this.#things.value?.lot;
  }
  get floors(): readonly Floor[] {
    return this.#things.value?.floors ?? [];
  }
  get failure(): unknown {
    return this.#things.failure;
  }
  /** IANA zone of its clock on the wall. */
  get zone(): string {
    return this.lot?.timeZone ?? "UTC";
  }
  get currency(): string {
    return this.lot?.currencyCode ?? "EUR";
  }

  floorName(floorId: string): string {
    return this.floors.find((floor) => floor.floorId === floorId)?.name ?? "";
  }
  /** What is painted on a spot; its id's end while it is not known. */
  spotNumber(spotId: string): string {
    return this.live.find(spotId)?.number ?? spotId.slice(-6);
  }

  /** The address of one of its views. */
  path(view: string): string {
    return `/operator/${this.id}/${view}`;
  }

  /** Reads the lot and its floors anew. */
  refresh(): void {
    this.#things.refresh();
  }

  close(): void {
    this.watch.close();
    this.live.close();
  }
}

/** Which lot, which view of it, and what in it, as the address says; undefined for addresses that are no view of a lot. */
export function partsOf(path: string): { lot: string; view: string; id?: string } | undefined {
  return (
    match<"lot" | "view">("/operator/:lot/:view", path) ??
    match<"lot" | "view" | "id">("/operator/:lot/:view/:id", path)
  );
}

/** Views ask for the lot that is open; the shell gives it. */
export const [openLot, provideLot] = createContext<OpenLot>();
