/**
 * The rules of the contracts, as hints beside a field of a form. They are read from the descriptors, so that a
 * rule is said once; the services have the last word.
 */

import { getOption, hasOption, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { field as rulesOf, type FieldRules } from "../gen/buf/validate/validate_pb";
import { dictionary } from "./i18n.svelte";

const t = dictionary(
  {
    needed: "This is needed.",
    short: (least: number) => `At least ${least} characters.`,
    long: (most: number) => `At most ${most} characters.`,
    low: (least: number) => `At least ${least}.`,
    high: (most: number) => `At most ${most}.`,
    email: "This is no mail address.",
    pattern: "This is not in the form that is needed.",
  },
  {
    needed: "Das wird gebraucht.",
    short: (least) => `Mindestens ${least} Zeichen.`,
    long: (most) => `Höchstens ${most} Zeichen.`,
    low: (least) => `Mindestens ${least}.`,
    high: (most) => `Höchstens ${most}.`,
    email: "Das ist keine E-Mail-Adresse.",
    pattern: "Das hat nicht die nötige Form.",
  },
);

/** What is wrong with a value of a field, in words; undefined when nothing is, or no rule is known. */
export function broken<Message extends DescMessage>(
  message: Message,
  name: keyof Message["field"] & string,
  value: string | number,
): string | undefined {
  const rules = rulesFor(message.field[name]);
  if (rules === undefined) return undefined;
  return typeof value === "string" ? brokenText(rules, value) : brokenNumber(rules, value);
}

/** The most characters that a field takes, for `maxlength`; undefined when it is not limited. */
export function longest<Message extends DescMessage>(
  message: Message,
  name: keyof Message["field"] & string,
): number | undefined {
  const rules = rulesFor(message.field[name]);
  return rules?.type.case === "string" && rules.type.value.maxLen > 0n
    ? Number(rules.type.value.maxLen)
    : undefined;
}

function rulesFor(field: DescField | undefined): FieldRules | undefined {
  return field !== undefined && hasOption(field, rulesOf) ? getOption(field, rulesOf) : undefined;
}

function brokenText(rules: FieldRules, value: string): string | undefined {
  if (rules.type.case !== "string") return rules.required && value === "" ? t().needed : undefined;
  const text = rules.type.value;
  const length = BigInt([...value].length);
  if (length === 0n && (rules.required || text.minLen > 0n)) return t().needed;
  if (length < text.minLen) return t().short(Number(text.minLen));
  if (text.maxLen > 0n && length > text.maxLen) return t().long(Number(text.maxLen));
  if (text.pattern !== "" && !new RegExp(text.pattern, "u").test(value)) return t().pattern;
  if (text.wellKnown.case === "email" && !/^[^@\s]+@[^@\s]+$/.test(value)) return t().email;
  return undefined;
}

function brokenNumber(rules: FieldRules, value: number): string | undefined {
  if (rules.type.case !== "int32" && rules.type.case !== "double") return undefined;
  const { greaterThan, lessThan } = rules.type.value;
  if (greaterThan.case === "gte" && value < greaterThan.value) return t().low(greaterThan.value);
  if (greaterThan.case === "gt" && value <= greaterThan.value) return t().low(greaterThan.value + 1);
  if (lessThan.case === "lte" && value > lessThan.value) return t().high(lessThan.value);
  if (lessThan.case === "lt" && value >= lessThan.value) return t().high(lessThan.value - 1);
  return undefined;
}
