/** A tariff as it is typed: texts, what they mean, and what is wrong with them. */

import { BilledTime, EarlyArrival, type TariffRules } from "../../gen/parkmesh/booking/v1/tariff_pb";
import { SpotType } from "../../gen/parkmesh/common/v1/common_pb";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TariffRulesSchema } from "../../gen/parkmesh/booking/v1/tariff_pb";
import { minorOf, minorOfMoney, moneyOf, typed } from "../lib/amount";
import type { DraftRules } from "./draft-price";

export interface DraftRate {
  spotType: SpotType;
  /** 1 for Monday. */
  weekdays: number[];
  /** `08:00` */
  from: string;
  /** `24:00` is written `00:00`. */
  to: string;
  price: string;
}

export interface Draft {
  stepMinutes: number;
  stepPrice: string;
  freeMinutes: string;
  minimum: string;
  dailyCap: string;
  stayCap: string;
  billed: BilledTime;
  early: EarlyArrival;
  overstay: string;
  cancelFree: string;
  cancelPercent: string;
  noShowPercent: string;
  rates: DraftRate[];
}

/** What is wrong, by the name of the field; of rates by `rates.0.to`. The words are the view's. */
export type Wrong = ReadonlyMap<string, "amount" | "number" | "percent" | "order" | "cap">;

/** What a draft means, as far as it means anything. */
export interface Reading {
  readonly wrong: Wrong;
  readonly price: DraftRules;
  readonly rules: MessageInitShape<typeof TariffRulesSchema>;
}

export const STEPS = [1, 5, 10, 15, 20, 30, 60] as const;
const DAY_MINUTES = 1440;

/** The tariff that stands, to be changed. */
export function draftOf(rules: TariffRules): Draft {
  const currency = rules.stepPrice?.currencyCode ?? "EUR";
  const amount = (money: TariffRules["dailyCap"]) =>
    money === undefined ? "" : typed(minorOfMoney(money), currency);
  const { cancellation } = rules;
  const percent = (fee: TariffRules["noShowFee"]) =>
    fee?.kind.case === "percent" ? String(fee.kind.value) : "";
  return {
    stepMinutes: rules.stepMinutes,
    stepPrice: amount(rules.stepPrice),
    freeMinutes: String(rules.freeMinutes),
    minimum: amount(rules.minimumCharge),
    dailyCap: amount(rules.dailyCap),
    stayCap: amount(rules.stayCap),
    billed: rules.billedTime || BilledTime.STAY,
    early: rules.earlyArrival || EarlyArrival.BILLED,
    overstay: amount(rules.overstayStepPrice),
    cancelFree: cancellation ? String(cancellation.freeUntilMinutes) : "0",
    cancelPercent: percent(cancellation?.fee),
    noShowPercent: percent(rules.noShowFee),
    rates: rules.rates.map((rate) => ({
      spotType: rate.spotType,
      weekdays: [...rate.weekdays],
      from: clockOf(rate.fromMinute),
      to: clockOf(rate.toMinute),
      price: amount(rate.stepPrice),
    })),
  };
}

export function newRate(price: string): DraftRate {
  return { spotType: SpotType.UNSPECIFIED, weekdays: [], from: "08:00", to: "20:00", price };
}

/** Reads a draft in a lot's currency. */
export function read(draft: Draft, currency: string): Reading {
  const reader = new Reader(currency);
  const stepMinor = reader.amount("stepPrice", draft.stepPrice) ?? reader.missing("stepPrice");
  const minimumMinor = reader.amount("minimum", draft.minimum);
  const dailyCapMinor = reader.cap("dailyCap", draft.dailyCap, minimumMinor);
  const stayCapMinor = reader.cap("stayCap", draft.stayCap, minimumMinor);
  const freeMinutes = reader.whole("freeMinutes", draft.freeMinutes, DAY_MINUTES);
  const overstayMinor = reader.amount("overstay", draft.overstay);
  const freeUntilMinutes = reader.whole("cancelFree", draft.cancelFree, 527_040);
  const cancelPercent = reader.percent("cancelPercent", draft.cancelPercent);
  const noShowPercent = reader.percent("noShowPercent", draft.noShowPercent);
  const rates = draft.rates.map((rate, index) => reader.rate(`rates.${index}`, rate));
  const price = { stepMinutes: draft.stepMinutes, stepMinor, rates, freeMinutes };
  const fee = (value: number) => ({ kind: { case: "percent", value } as const });
  const money = (minor: number) => moneyOf(minor, currency);
  return {
    wrong: reader.wrong,
    price: {
      ...price,
      minimumMinor: minimumMinor ?? 0,
      ...(dailyCapMinor === undefined ? {} : { dailyCapMinor }),
      ...(stayCapMinor === undefined ? {} : { stayCapMinor }),
    },
    rules: {
      stepMinutes: draft.stepMinutes,
      stepPrice: money(stepMinor),
      rates: rates.map(({ stepMinor: minor, ...rate }) => ({ ...rate, stepPrice: money(minor) })),
      freeMinutes,
      billedTime: draft.billed,
      earlyArrival: draft.early,
      ...(minimumMinor === undefined ? {} : { minimumCharge: money(minimumMinor) }),
      ...(dailyCapMinor === undefined ? {} : { dailyCap: money(dailyCapMinor) }),
      ...(stayCapMinor === undefined ? {} : { stayCap: money(stayCapMinor) }),
      ...(overstayMinor === undefined ? {} : { overstayStepPrice: money(overstayMinor) }),
      ...(cancelPercent === undefined ? {} : { cancellation: { freeUntilMinutes, fee: fee(cancelPercent) } }),
      ...(noShowPercent === undefined ? {} : { noShowFee: fee(noShowPercent) }),
    },
  };
}

class Reader {
  readonly wrong = new Map<string, "amount" | "number" | "percent" | "order" | "cap">();

  constructor(private readonly currency: string) {}

  /** Minor units; undefined for an empty field. */
  amount(field: string, text: string): number | undefined {
    if (text.trim() === "") return undefined;
    const minor = minorOf(text, this.currency);
    if (minor === undefined) this.wrong.set(field, "amount");
    return minor;
  }

  missing(field: string): number {
    this.wrong.set(field, "amount");
    return 0;
  }

  cap(field: string, text: string, least: number | undefined): number | undefined {
    const cap = this.amount(field, text);
    if (cap !== undefined && cap < (least ?? 0)) this.wrong.set(field, "cap");
    return cap;
  }

  whole(field: string, text: string, most: number): number {
    const value = text.trim() === "" ? 0 : Number(text);
    if (Number.isInteger(value) && value >= 0 && value <= most) return value;
    this.wrong.set(field, "number");
    return 0;
  }

  percent(field: string, text: string): number | undefined {
    if (text.trim() === "") return undefined;
    const value = Number(text);
    if (Number.isInteger(value) && value >= 0 && value <= 100) return value;
    this.wrong.set(field, "percent");
    return undefined;
  }

  rate(field: string, rate: DraftRate) {
    const [fromMinute, toMinute] = [minuteOf(rate.from), minuteOf(rate.to) || DAY_MINUTES];
    if (toMinute <= fromMinute) this.wrong.set(`${field}.to`, "order");
    const stepMinor = this.amount(`${field}.price`, rate.price) ?? this.missing(`${field}.price`);
    return { spotType: rate.spotType, weekdays: [...rate.weekdays].sort(), fromMinute, toMinute, stepMinor };
  }
}

function clockOf(minute: number): string {
  const two = (number: number) => String(number).padStart(2, "0");
  return `${two(Math.floor(minute / 60) % 24)}:${two(minute % 60)}`;
}

function minuteOf(clock: string): number {
  const [hours = "0", minutes = "0"] = clock.split(":");
  return Number(hours) * 60 + Number(minutes);
}
