/** What discounts take off, for people. */

import type { Discount } from "../../gen/parkmesh/booking/v1/discount_pb";
import { language } from "../../lib/i18n.svelte";
import { price } from "../../lib/money";

/** `25 %` or `2,00 €`. */
export function off(discount: Discount): string {
  if (discount.off.case === "amount") return price(discount.off.value);
  const share = new Intl.NumberFormat(language.locale, { style: "percent", maximumFractionDigits: 2 });
  return share.format((discount.off.value ?? 0) / 10_000);
}

/** Basis points of `25` or `12,5`; undefined for what is no share of a whole. */
export function pointsOf(text: string): number | undefined {
  const found = /^(\d{1,3})(?:[.,](\d{1,2}))?$/.exec(text.trim());
  if (!found) return undefined;
  const [, whole = "", fraction = ""] = found;
  const points = Number(whole) * 100 + Number(fraction.padEnd(2, "0"));
  return points > 0 && points <= 10_000 ? points : undefined;
}
