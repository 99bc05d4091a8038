// What a stay would cost by rules that are not published yet. QuoteBooking prices by the tariff that stands, and the definition is
// booking's (services/booking/src/domain/tariff.rs): this is a preview for the operator, and nobody is ever charged by it. The story of
// the tariffs in tests/e2e publishes what was previewed and compares the two.

/** Rules in minor units. */
export interface DraftRules {
  readonly stepMinutes: number;
  readonly stepMinor: number;
  readonly rates: readonly DraftRate[];
  readonly freeMinutes: number;
  readonly minimumMinor: number;
  readonly dailyCapMinor?: number;
  readonly stayCapMinor?: number;
}

export interface DraftRate {
  /** Of the contract; 0 for all. */
  readonly spotType: number;
  /** 1 for Monday; empty for all. */
  readonly weekdays: readonly number[];
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly stepMinor: number;
}

interface LocalTime {
  readonly date: string;
  readonly weekday: number;
  readonly minute: number;
}

const MINUTE_MS = 60_000;
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** Price of a stay in minor units; steps are laid in real time from behind the free minutes. */
export function draftPrice(rules: DraftRules, zone: string, spotType: number, from: Date, to: Date): number {
  const laidFrom = from.getTime() + rules.freeMinutes * MINUTE_MS;
  if (rules.freeMinutes > 0 && to.getTime() <= laidFrom) return 0;
  const length = rules.stepMinutes * MINUTE_MS;
  const steps = Math.max(1, Math.ceil((to.getTime() - laidFrom) / length));
  const localOf = clockOf(zone);
  const days = new Map<string, number>();
  for (let step = 0; step < steps; step += 1) {
    const local = localOf(laidFrom + step * length);
    days.set(local.date, (days.get(local.date) ?? 0) + priceAt(rules, spotType, local));
  }
  const capped = [...days.values()].map((sum) => Math.min(sum, rules.dailyCapMinor ?? Infinity));
  const total = Math.max(
    capped.reduce((sum, day) => sum + day, 0),
    rules.minimumMinor,
  );
  return Math.min(total, rules.stayCapMinor ?? Infinity);
}

function priceAt(rules: DraftRules, spotType: number, local: LocalTime): number {
  const rate = rules.rates.find(
    (one) =>
      (one.spotType === 0 || one.spotType === spotType) &&
      (one.weekdays.length === 0 || one.weekdays.includes(local.weekday)) &&
      local.minute >= one.fromMinute &&
      local.minute < one.toMinute,
  );
  return rate?.stepMinor ?? rules.stepMinor;
}

function clockOf(zone: string): (at: number) => LocalTime {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "short",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return (at) => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
    const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? "";
    return {
      date: `${part("year")}-${part("month")}-${part("day")}`,
      weekday: WEEKDAYS.indexOf(part("weekday")) + 1,
      minute: Number(part("hour")) * 60 + Number(part("minute")),
    };
  };
}
