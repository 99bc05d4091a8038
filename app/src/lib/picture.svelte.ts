/** A lot as it is now: counts and spots, kept by the stream of changes. */

import type { Client } from "@connectrpc/connect";
import type {
  AvailabilityService,
  GetAvailabilityResponse,
  WatchAvailabilityResponse,
} from "../gen/parkmesh/availability/v1/availability_service_pb";
import type { SpotState } from "../gen/parkmesh/availability/v1/availability_pb";
import { clock } from "./clock.svelte";
import { Watch } from "./watch.svelte";

/** One spot; `state` is replaced whenever the spot changes. */
export class LiveSpot {
  state = $state.raw() as SpotState;

  constructor(state: SpotState) {
    this.state = state;
  }
}

export interface PictureOptions {
  lotId: string;
  /** Spots too, and not only counts. */
  spots: boolean;
  /** Called after each message that changed something. */
  onchange?: (changed: readonly SpotState[]) => void;
}

export class LotPicture {
  /** Unset until the first answer. */
  counts = $state.raw<GetAvailabilityResponse>();
  /** Another list only when spots come or go. */
  spots = $state.raw<readonly LiveSpot[]>([]);
  readonly watch: Watch<WatchAvailabilityResponse>;

  readonly #options: PictureOptions;
  readonly #byId = new Map<string, LiveSpot>();
  #resumeToken = "";

  constructor(availability: Client<typeof AvailabilityService>, options: PictureOptions) {
    this.#options = options;
    this.watch = new Watch({
      open: (signal) =>
        availability.watchAvailability(
          { lotId: options.lotId, includeSpots: options.spots, resumeToken: this.#resumeToken },
          { signal },
        ),
      take: (message) => this.#take(message),
    });
  }

  close(): void {
    this.watch.close();
  }

  #take(message: WatchAvailabilityResponse): void {
    if (message.resumeToken !== "") this.#resumeToken = message.resumeToken;
    if (message.counts === undefined && message.spots.length === 0) return;
    if (message.counts !== undefined) {
      this.counts = message.counts;
      clock.heard(message.counts.freshness?.asOf);
    }
    if (this.#options.spots) this.#takeSpots(message);
    this.#options.onchange?.(message.spots);
  }

  #takeSpots(message: WatchAvailabilityResponse): void {
    if (message.snapshot) this.#forgetAllBut(new Set(message.spots.map((spot) => spot.spotId)));
    const before = this.#byId.size;
    for (const state of message.spots) {
      const known = this.#byId.get(state.spotId);
      if (known === undefined) this.#byId.set(state.spotId, new LiveSpot(state));
      else known.state = state;
    }
    if (message.snapshot || this.#byId.size !== before) this.spots = [...this.#byId.values()];
  }

  #forgetAllBut(kept: ReadonlySet<string>): void {
    for (const id of this.#byId.keys()) if (!kept.has(id)) this.#byId.delete(id);
  }
}
