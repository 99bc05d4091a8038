/** Time as the lot's clock on the wall shows it, whatever zone the person is in. */

import { timestampMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import { dictionary, language } from "./i18n.svelte";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

const t = dictionary(
  {
    today: "today",
    tomorrow: "tomorrow",
    hours: (hours: number, minutes: number) => (minutes === 0 ? `${hours} h` : `${hours} h ${minutes} min`),
    minutes: (minutes: number) => `${minutes} min`,
    days: (days: number) => (days === 1 ? "1 day" : `${days} days`),
  },
  {
    today: "heute",
    tomorrow: "morgen",
    hours: (hours, minutes) => (minutes === 0 ? `${hours} Std.` : `${hours} Std. ${minutes} Min.`),
    minutes: (minutes) => `${minutes} Min.`,
    days: (days) => (days === 1 ? "1 Tag" : `${days} Tage`),
  },
);

/** Milliseconds since 1970; undefined for no time. */
export function ms(time: Timestamp | undefined): number | undefined {
  return time === undefined ? undefined : timestampMs(time);
}

/** `14:30` */
export function clockTime(at: number, zone: string): string {
  return format(at, zone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** `today`, `tomorrow`, or `Sat, 28 Nov` */
export function dayName(at: number, zone: string, now: number): string {
  const date = localDate(at, zone);
  if (date === localDate(now, zone)) return t().today;
  if (date === localDate(now + DAY_MS, zone)) return t().tomorrow;
  return format(at, zone, { weekday: "short", day: "numeric", month: "short" });
}

/** `28 Nov 2026, 14:30` */
export function dateTime(at: number, zone: string): string {
  const date = format(at, zone, { day: "numeric", month: "short", year: "numeric" });
  return `${date}, ${clockTime(at, zone)}`;
}

/** `today, 14:30 – 16:30`, with the second day where there is one. */
export function span(start: number, end: number, zone: string, now: number): string {
  const [from, to] = [dayName(start, zone, now), dayName(end, zone, now)];
  const until = from === to ? clockTime(end, zone) : `${to}, ${clockTime(end, zone)}`;
  return `${from}, ${clockTime(start, zone)} – ${until}`;
}

/** `2 h 30 min`, to the minute. */
export function duration(length: number): string {
  const minutes = Math.max(0, Math.round(length / MINUTE_MS));
  if (minutes < 60) return t().minutes(minutes);
  if (minutes % (24 * 60) === 0) return t().days(minutes / (24 * 60));
  return t().hours(Math.floor(minutes / 60), minutes % 60);
}

/** The lot's zone in words, where the person's own clock shows another time; else empty. */
export function zoneNote(at: number, zone: string): string {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (offset(at, zone) === offset(at, own)) return "";
  const parts = parted(at, zone, { timeZoneName: "shortGeneric" }, language.locale);
  return parts.find((part) => part.type === "timeZoneName")?.value ?? zone;
}

/** `2026-11-28`, as date inputs have it. */
export function localDate(at: number, zone: string): string {
  return new Date(at + offset(at, zone)).toISOString().slice(0, 10);
}

/** Minutes after the local midnight. */
export function localMinute(at: number, zone: string): number {
  const local = new Date(at + offset(at, zone));
  return local.getUTCHours() * 60 + local.getUTCMinutes();
}

/**
 * The instant at which the clock on the wall shows a time. Of one that comes twice it is the first; one that is
 * left out is as much later as the clock jumps.
 */
export function instant(date: string, minute: number, zone: string): number {
  const wall = Date.parse(`${date}T00:00:00Z`) + minute * MINUTE_MS;
  const before = wall - offset(wall - DAY_MS, zone);
  const after = wall - offset(wall + DAY_MS, zone);
  const shows = (at: number) => at + offset(at, zone) === wall;
  return !shows(before) && shows(after) ? after : before;
}

/** Milliseconds that a zone's wall clock is ahead of UTC. */
function offset(at: number, zone: string): number {
  const parts = parted(at, zone, { timeZoneName: "longOffset" });
  const name = parts.find((part) => part.type === "timeZoneName")?.value ?? "";
  const found = /GMT([+-])(\d{2}):(\d{2})(?::(\d{2}))?/.exec(name);
  if (found === null) return 0;
  const [, sign, hours, minutes, seconds] = found;
  const size = Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS + Number(seconds ?? 0) * 1000;
  return sign === "-" ? -size : size;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Formats are costly to make, and few. */
function formatOf(zone: string, options: Intl.DateTimeFormatOptions, locale: string): Intl.DateTimeFormat {
  const key = JSON.stringify([locale, zone, options]);
  const kept = formats.get(key) ?? new Intl.DateTimeFormat(locale, { ...options, timeZone: zone || "UTC" });
  formats.set(key, kept);
  return kept;
}

function format(at: number, zone: string, options: Intl.DateTimeFormatOptions): string {
  return formatOf(zone, options, language.locale).format(at);
}

function parted(
  at: number,
  zone: string,
  options: Intl.DateTimeFormatOptions,
  locale = "en",
): Intl.DateTimeFormatPart[] {
  return formatOf(zone, options, locale).formatToParts(at);
}
