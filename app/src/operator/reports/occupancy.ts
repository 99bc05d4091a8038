/** What the occupancy chart shows: how full it was, how full it usually is, how full it will be. */

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  AvailabilityService,
  type ForecastAvailabilityResponse,
  type OccupancyStep,
} from "../../gen/parkmesh/availability/v1/availability_service_pb";
import { client } from "../../lib/client";
import { DAY_MS, HOUR_MS, instant, localDate, localMinute, MINUTE_MS, ms } from "../../lib/time";

export type Range = "day" | "week" | "weeks";

export interface Occupancy {
  readonly times: readonly number[];
  readonly actual: readonly (number | undefined)[];
  readonly usual: readonly (number | undefined)[];
  readonly forecast: readonly (number | undefined)[];
  readonly capacity: number;
  /** How far the forecast can be trusted; undefined where none is shown. */
  readonly basis?: { readonly weeks: number; readonly error: number };
}

const availability = client(AvailabilityService);
const WEEK_MS = 7 * DAY_MS;
/** What is recorded at all. */
const WEEKS = 8;
/** Forecasts are asked for one by one; no more than so many at a time. */
const AT_ONCE = 8;
const FORECAST_STEP_MS = HOUR_MS;

/** Reads what a range needs. */
export async function readOccupancy(
  lotId: string,
  range: Range,
  zone: string,
  now: number,
  signal: AbortSignal,
): Promise<Occupancy> {
  switch (range) {
    case "day":
      return readDays(lotId, zone, now, signal);
    case "week":
      return ofSteps(await report(lotId, now - WEEK_MS, now, 60, signal));
    case "weeks":
      return ofSteps(await report(lotId, now - WEEKS * WEEK_MS, now, 1440, signal));
  }
}

/** Today by quarters of an hour, and until tomorrow's end as it is expected. */
async function readDays(lotId: string, zone: string, now: number, signal: AbortSignal): Promise<Occupancy> {
  const begin = instant(localDate(now, zone), 0, zone);
  const end = instant(localDate(now + DAY_MS, zone), 24 * 60, zone);
  const [today, past, ahead] = await Promise.all([
    report(lotId, begin, now, 15, signal),
    report(lotId, now - WEEKS * WEEK_MS, begin, 60, signal),
    forecasts(lotId, now, end, signal),
  ]);
  const known = new Map(today.map((step) => [ms(step.startTime) ?? 0, valueOf(step)]));
  const expected = new Map(ahead.map(({ at, answer }) => [at, answer.total - answer.expectedFree]));
  // The forecast goes on from where the day has come to.
  const last = [...known].findLast(([, value]) => value !== undefined);
  if (last?.[1] !== undefined) expected.set(last[0], last[1]);
  const usual = usualOf(past, zone);
  const times = [...new Set([...known.keys(), ...expected.keys()])].sort((a, b) => a - b);
  const first = ahead[0]?.answer;
  return {
    times,
    actual: times.map((time) => known.get(time)),
    usual: times.map((time) => usual.get(slotOf(time, zone))),
    forecast: times.map((time) => expected.get(time)),
    capacity: Math.max(first?.total ?? 0, ...today.map((step) => step.capacity)),
    ...(first === undefined ? {} : { basis: { weeks: first.weeks, error: first.usualError } }),
  };
}

function ofSteps(steps: readonly OccupancyStep[]): Occupancy {
  return {
    times: steps.map((step) => ms(step.startTime) ?? 0),
    actual: steps.map(valueOf),
    usual: [],
    forecast: [],
    capacity: Math.max(0, ...steps.map((step) => step.capacity)),
  };
}

function valueOf(step: OccupancyStep): number | undefined {
  return step.samples === 0 ? undefined : step.meanOccupied;
}

async function report(
  lotId: string,
  from: number,
  to: number,
  stepMinutes: 15 | 60 | 1440,
  signal: AbortSignal,
): Promise<OccupancyStep[]> {
  const step = stepMinutes * MINUTE_MS;
  const start = Math.floor(from / step) * step;
  const window = {
    startTime: timestampFromMs(start),
    endTime: timestampFromMs(Math.max(start + step, Math.ceil(to / step) * step)),
  };
  const { steps } = await availability.getOccupancyReport({ lotId, window, stepMinutes }, { signal });
  return steps;
}

interface Forecast {
  readonly at: number;
  readonly answer: ForecastAvailabilityResponse;
}

async function forecasts(lotId: string, from: number, to: number, signal: AbortSignal): Promise<Forecast[]> {
  const first = Math.ceil(from / FORECAST_STEP_MS) * FORECAST_STEP_MS;
  const found: Forecast[] = [];
  for (let at = first; at < to; at += AT_ONCE * FORECAST_STEP_MS) {
    const times = Array.from({ length: AT_ONCE }, (_, index) => at + index * FORECAST_STEP_MS);
    const asked = times
      .filter((time) => time < to)
      .map(async (time) => {
        const request = { lotId, arriveTime: timestampFromMs(time) };
        return { at: time, answer: await availability.forecastAvailability(request, { signal }) };
      });
    found.push(...(await Promise.all(asked)));
  }
  return found;
}

/** The mean of the weeks before, for each hour of the days of the week. */
function usualOf(steps: readonly OccupancyStep[], zone: string): Map<string, number> {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const step of steps) {
    const value = valueOf(step);
    if (value === undefined) continue;
    const slot = slotOf(ms(step.startTime) ?? 0, zone);
    const { sum, count } = sums.get(slot) ?? { sum: 0, count: 0 };
    sums.set(slot, { sum: sum + value, count: count + 1 });
  }
  return new Map([...sums].map(([slot, { sum, count }]) => [slot, sum / count]));
}

/** Weekday and hour by the clock on the wall of the lot. */
function slotOf(at: number, zone: string): string {
  const weekday = new Date(`${localDate(at, zone)}T00:00:00Z`).getUTCDay();
  return `${weekday}/${Math.floor(localMinute(at, zone) / 60)}`;
}
