/** Money as the contracts have it: whole units and billionths. Never a floating point number. */

import type { Money } from "../gen/google/type/money_pb";
import { language } from "./i18n.svelte";

const NANOS = 1_000_000_000n;

/** For people, for example `2,50 €`; empty for no money. */
export function price(money: Money | undefined): string {
  if (money === undefined) return "";
  const format = new Intl.NumberFormat(language.locale, {
    style: "currency",
    currency: money.currencyCode || "EUR",
  });
  return format.format(decimal(billionths(money)) as Intl.StringNumericLiteral);
}

/** All of it, to compare and to add. */
export function billionths(money: Money): bigint {
  return money.units * NANOS + BigInt(money.nanos);
}

export function isZero(money: Money | undefined): boolean {
  return money === undefined || billionths(money) === 0n;
}

function decimal(amount: bigint): string {
  const size = amount < 0n ? -amount : amount;
  return `${amount < 0n ? "-" : ""}${size / NANOS}.${(size % NANOS).toString().padStart(9, "0")}`;
}
