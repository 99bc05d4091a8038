/** Amounts that people type, in the currency of a lot. */

import { language } from "../../lib/i18n.svelte";

interface Amount {
  readonly currencyCode: string;
  readonly units: bigint;
  readonly nanos: number;
}

/** How many digits a currency has behind its point. */
export function digitsOf(currency: string): number {
  return (
    new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2
  );
}

/** Minor units of `2.50` or `2,50`; undefined for what is no amount of this currency, or a negative one. */
export function minorOf(text: string, currency: string): number | undefined {
  const found = /^(\d{1,9})(?:[.,](\d+))?$/.exec(text.trim());
  if (!found) return undefined;
  const digits = digitsOf(currency);
  const [, whole = "", fraction = ""] = found;
  if (fraction.length > digits) return undefined;
  return Number(whole + fraction.padEnd(digits, "0"));
}

/** Minor units as the contracts have money. */
export function moneyOf(minor: number, currency: string): Amount {
  const factor = 10 ** digitsOf(currency);
  const units = Math.trunc(minor / factor);
  return {
    currencyCode: currency,
    units: BigInt(units),
    nanos: Math.round((minor - units * factor) * (1e9 / factor)),
  };
}

/** The contracts' money in minor units; 0 for none. */
export function minorOfMoney(money: Amount | undefined): number {
  if (money === undefined) return 0;
  const factor = 10 ** digitsOf(money.currencyCode);
  return Number(money.units) * factor + Math.round(money.nanos / (1e9 / factor));
}

/** Minor units as somebody would type them here, for example `2,50`. */
export function typed(minor: number, currency: string): string {
  const digits = digitsOf(currency);
  return new Intl.NumberFormat(language.locale, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    useGrouping: false,
  }).format(minor / 10 ** digits);
}
