/** What is free in a lot for the time that is wanted, and what was chosen of it. */

import type { QuoteBookingResponse } from "../../gen/parkmesh/booking/v1/booking_service_pb";
import type { SearchAvailabilityResponse } from "../../gen/parkmesh/availability/v1/availability_service_pb";
import { SpotStatus, SpotType } from "../../gen/parkmesh/common/v1/common_pb";
import type { SpotState } from "../../gen/parkmesh/availability/v1/availability_pb";
import { clock } from "../../lib/clock.svelte";
import { Loader } from "../../lib/loader.svelte";
import { LotPicture } from "../../lib/picture.svelte";
import { MINUTE_MS } from "../../lib/time";
import { lookOf, PlanSpot, type SpotLook } from "../../ui/plan.svelte";
import { availability, booking } from "../api";
import { windowOf, wish } from "../state/wish.svelte";

const SPOTS_MAX = 1_000;
/** Changes that come together cost one search. */
const SETTLE_MS = 600;
/** A window that begins within this time is about now: cars that stand there count. */
const SOON_MS = 15 * MINUTE_MS;

export class LotChoice {
  readonly picture: LotPicture;
  readonly search = new Loader<SearchAvailabilityResponse>();
  readonly quote = new Loader<QuoteBookingResponse>();
  /** The spot that was tapped; undefined: any. */
  chosen = $state.raw<SpotState>();

  /** Spots that are free for the whole window, by id. */
  readonly free = $derived(new Map((this.search.value?.spots ?? []).map((spot) => [spot.spotId, spot])));

  readonly #lotId: string;
  #settling: ReturnType<typeof setTimeout> | undefined;

  constructor(lotId: string) {
    this.#lotId = lotId;
    this.picture = new LotPicture(availability, { lotId, spots: true, onchange: () => this.#soon() });
  }

  close(): void {
    clearTimeout(this.#settling);
    this.picture.close();
    this.search.stop();
    this.quote.stop();
  }

  /** Free spots of a kind for the window. */
  freeOf(type: SpotType): number {
    return this.search.value?.types.find((count) => count.spotType === type)?.free ?? 0;
  }

  /** The kinds of spot that the lot has. */
  readonly kinds = $derived((this.search.value?.types ?? []).filter((count) => count.total > 0));

  /** Searches and prices anew: the wish has changed. */
  look(): void {
    const span = windowOf(wish.span());
    void this.search.load((signal) =>
      availability.searchAvailability({ lotId: this.#lotId, window: span, pageSize: SPOTS_MAX }, { signal }),
    );
    void this.quote.load((signal) =>
      booking.quoteBooking(
        { lotId: this.#lotId, window: span, spotType: wish.type, spotId: this.chosen?.spotId ?? "" },
        { signal },
      ),
    );
  }

  /** How a spot looks to somebody who wants the window. */
  lookOf(spot: PlanSpot, live: SpotState): SpotLook {
    if (spot.id === this.chosen?.spotId) return "chosen";
    const about = lookOf(live.status);
    const soon = (wish.start ?? 0) - clock.now() < SOON_MS;
    if (!this.free.has(spot.id)) return about === "free" ? "reserved" : about;
    return soon || live.status === SpotStatus.OUT_OF_SERVICE ? about : "free";
  }

  #soon(): void {
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined;
      this.look();
    }, SETTLE_MS);
  }
}
