// The picture of a lot as WatchAvailability tells it. Each spot is a signal of its own, so that a change touches one element of the
// map; changes are taken in four times a second, so that a hundred a second are four paints and not a hundred.

import type { SpotState } from "../../gen/parkmesh/availability/v1/availability_pb";
import type {
  GetAvailabilityResponse,
  WatchAvailabilityResponse,
} from "../../gen/parkmesh/availability/v1/availability_service_pb";
import type { SpotStatus, SpotType } from "../../gen/parkmesh/common/v1/common_pb";
import { clock } from "../../lib/clock.svelte";

/** How long changes are gathered before they are shown. */
const GATHER_MS = 250;
/** Changes that are remembered for the list beside the map. */
const CHANGES_KEPT = 40;

/** 9 before 10. */
const BY_NUMBER = new Intl.Collator("en", { numeric: true });

/** One spot on the map. */
export class LiveSpot {
  readonly id: string;
  readonly floorId: string;
  readonly number: string;
  readonly type: SpotType;
  readonly x: number;
  readonly y: number;
  status = $state() as SpotStatus;
  version: bigint;

  constructor(told: SpotState) {
    this.id = told.spotId;
    this.floorId = told.floorId;
    this.number = told.spotNumber;
    this.type = told.spotType;
    this.x = told.planX;
    this.y = told.planY;
    this.version = told.spotVersion;
    this.status = told.status;
  }

  /** Whether it is still the same place of the same kind: else the map is drawn anew. */
  isAt(told: SpotState): boolean {
    return (
      told.planX === this.x &&
      told.planY === this.y &&
      told.floorId === this.floorId &&
      told.spotNumber === this.number &&
      told.spotType === this.type
    );
  }
}

/** A spot that has changed while somebody watched. */
export interface Change {
  readonly key: number;
  readonly spot: LiveSpot;
  readonly from: SpotStatus;
  readonly to: SpotStatus;
  readonly at: Date;
}

/** All spots of a lot, kept by a stream. */
export class LiveLot {
  /** Told anew only when spots come, go or move. */
  spots = $state.raw<readonly LiveSpot[]>([]);
  counts = $state.raw<GetAvailabilityResponse | undefined>();
  changes = $state.raw<readonly Change[]>([]);

  private readonly byId = new Map<string, LiveSpot>();
  private pending: WatchAvailabilityResponse[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private changed = 0;

  /** Takes an answer of the stream in, a moment later. A heartbeat says nothing. */
  hear(answer: WatchAvailabilityResponse): void {
    if (!answer.counts && answer.spots.length === 0) return;
    this.pending.push(answer);
    if (this.spots.length === 0) this.takeIn();
    else this.timer ??= setTimeout(() => this.takeIn(), GATHER_MS);
  }

  /** Forgets what is still to be taken in. */
  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.pending = [];
  }

  find(spotId: string): LiveSpot | undefined {
    return this.byId.get(spotId);
  }

  private takeIn(): void {
    this.timer = undefined;
    const answers = this.pending;
    this.pending = [];
    let moved = false;
    const changes: Change[] = [];
    for (const answer of answers) {
      if (answer.counts) this.counts = answer.counts;
      if (answer.snapshot) moved = this.forgetAllBut(answer.spots) || moved;
      for (const told of answer.spots) moved = this.apply(told, changes) || moved;
    }
    if (moved) this.spots = [...this.byId.values()].sort((a, b) => BY_NUMBER.compare(a.number, b.number));
    if (changes.length > 0) this.changes = [...changes.reverse(), ...this.changes].slice(0, CHANGES_KEPT);
  }

  /** Takes one spot in; true when the map must be drawn anew. */
  private apply(told: SpotState, changes: Change[]): boolean {
    const spot = this.byId.get(told.spotId);
    if (!spot?.isAt(told)) {
      this.byId.set(told.spotId, new LiveSpot(told));
      return true;
    }
    spot.version = told.spotVersion;
    if (spot.status !== told.status) {
      this.changed += 1;
      changes.push({
        key: this.changed,
        spot,
        from: spot.status,
        to: told.status,
        at: new Date(clock.now()),
      });
      spot.status = told.status;
    }
    return false;
  }

  private forgetAllBut(spots: readonly SpotState[]): boolean {
    const there = new Set(spots.map((spot) => spot.spotId));
    const gone = [...this.byId.keys()].filter((id) => !there.has(id));
    for (const id of gone) this.byId.delete(id);
    return gone.length > 0;
  }
}
