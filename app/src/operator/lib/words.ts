/** The words of the contracts' enums, for people. */

import { BookingState, Cause } from "../../gen/parkmesh/booking/v1/booking_pb";
import { Weekday } from "../../gen/parkmesh/booking/v1/inventory_pb";
import { WaitlistPassedReason, WaitlistState } from "../../gen/parkmesh/booking/v1/waitlist_pb";
import { SpotType } from "../../gen/parkmesh/common/v1/common_pb";
import { PaymentKind, PaymentStatus, RefundStatus } from "../../gen/parkmesh/payment/v1/payment_pb";
import { DiscrepancyKind, OccupancyState, SensorHealth } from "../../gen/parkmesh/sensor/v1/sensor_pb";
import { dictionary } from "../../lib/i18n.svelte";
import type { StatusWord } from "../map/marks";

type Words<Enum extends number> = Readonly<Record<Enum, string>>;

interface Texts {
  readonly status: Readonly<Record<StatusWord, string>>;
  readonly spotType: Words<SpotType>;
  readonly booking: Words<BookingState>;
  readonly cause: Words<Cause>;
  readonly weekday: Words<Weekday>;
  readonly waitlist: Words<WaitlistState>;
  readonly passed: Words<WaitlistPassedReason>;
  readonly payment: Words<PaymentStatus>;
  readonly kind: Words<PaymentKind>;
  readonly refund: Words<RefundStatus>;
  readonly health: Words<SensorHealth>;
  readonly ground: Words<OccupancyState>;
  readonly discrepancy: Words<DiscrepancyKind>;
}

const english: Texts = {
  status: {
    free: "free",
    reserved: "reserved",
    occupied: "occupied",
    unknown: "unknown",
    closed: "out of service",
  },
  spotType: {
    [SpotType.UNSPECIFIED]: "any",
    [SpotType.REGULAR]: "regular",
    [SpotType.ACCESSIBLE]: "accessible",
    [SpotType.EV]: "with charger",
    [SpotType.COMPACT]: "compact",
    [SpotType.MOTORCYCLE]: "motorcycle",
  },
  booking: {
    [BookingState.UNSPECIFIED]: "any state",
    [BookingState.HELD]: "held",
    [BookingState.RESERVED]: "reserved",
    [BookingState.ACTIVE]: "parked",
    [BookingState.COMPLETED]: "completed",
    [BookingState.CANCELLED]: "cancelled",
    [BookingState.EXPIRED]: "lapsed",
    [BookingState.NO_SHOW]: "no-show",
  },
  cause: {
    [Cause.UNSPECIFIED]: "",
    [Cause.SENSOR]: "sensor",
    [Cause.DRIVER]: "driver",
    [Cause.KIOSK]: "kiosk",
    [Cause.OPERATOR]: "operator",
    [Cause.DEADLINE]: "deadline",
    [Cause.PAYMENT]: "payment",
    [Cause.SPOT_BLOCKED]: "spot blocked",
    [Cause.PLATE]: "plate",
    [Cause.WAITLIST]: "waitlist",
  },
  weekday: {
    [Weekday.UNSPECIFIED]: "",
    [Weekday.MONDAY]: "Mon",
    [Weekday.TUESDAY]: "Tue",
    [Weekday.WEDNESDAY]: "Wed",
    [Weekday.THURSDAY]: "Thu",
    [Weekday.FRIDAY]: "Fri",
    [Weekday.SATURDAY]: "Sat",
    [Weekday.SUNDAY]: "Sun",
  },
  waitlist: {
    [WaitlistState.UNSPECIFIED]: "any state",
    [WaitlistState.WAITING]: "waiting",
    [WaitlistState.OFFERED]: "offered",
    [WaitlistState.TAKEN]: "taken",
    [WaitlistState.EXPIRED]: "lapsed",
    [WaitlistState.LEFT]: "left",
  },
  passed: {
    [WaitlistPassedReason.UNSPECIFIED]: "",
    [WaitlistPassedReason.WINDOW_BLOCKED]: "not free for the whole time",
    [WaitlistPassedReason.SPOT_CLOSED]: "closed in that time",
    [WaitlistPassedReason.LOT_RULES]: "outside opening hours or limits",
    [WaitlistPassedReason.OFFER_WITHDRAWN]: "offer taken back",
    [WaitlistPassedReason.OFFER_FAILED]: "offer failed, tried again",
  },
  payment: {
    [PaymentStatus.UNSPECIFIED]: "unknown",
    [PaymentStatus.PENDING]: "asked, no answer yet",
    [PaymentStatus.AUTHORIZED]: "set aside",
    [PaymentStatus.DECLINED]: "declined",
    [PaymentStatus.CAPTURED]: "taken",
    [PaymentStatus.VOIDED]: "given back",
    [PaymentStatus.ACTION_REQUIRED]: "waits for the bank",
  },
  kind: {
    [PaymentKind.UNSPECIFIED]: "payment",
    [PaymentKind.BOOKING]: "booking",
    [PaymentKind.ADDITION]: "addition",
    [PaymentKind.OVERSTAY]: "overstay",
    [PaymentKind.DEBT]: "debt",
  },
  refund: {
    [RefundStatus.UNSPECIFIED]: "unknown",
    [RefundStatus.PENDING]: "asked, no answer yet",
    [RefundStatus.REFUNDED]: "on its way back",
    [RefundStatus.FAILED]: "refused by the provider",
  },
  health: {
    [SensorHealth.UNSPECIFIED]: "unknown",
    [SensorHealth.OK]: "well",
    [SensorHealth.SILENT]: "silent",
    [SensorHealth.SUSPECT]: "suspect",
  },
  ground: {
    [OccupancyState.UNSPECIFIED]: "unknown",
    [OccupancyState.VACANT]: "no car",
    [OccupancyState.OCCUPIED]: "a car",
    [OccupancyState.UNKNOWN]: "unknown",
  },
  discrepancy: {
    [DiscrepancyKind.UNSPECIFIED]: "differs",
    [DiscrepancyKind.CAR_WITHOUT_SESSION]: "Car without a session",
    [DiscrepancyKind.SESSION_WITHOUT_CAR]: "Session without a car",
    [DiscrepancyKind.GROUND_UNKNOWN]: "Sensor fell silent",
  },
};

const german: Texts = {
  status: {
    free: "frei",
    reserved: "reserviert",
    occupied: "besetzt",
    unknown: "unbekannt",
    closed: "außer Betrieb",
  },
  spotType: {
    [SpotType.UNSPECIFIED]: "beliebig",
    [SpotType.REGULAR]: "normal",
    [SpotType.ACCESSIBLE]: "barrierefrei",
    [SpotType.EV]: "mit Ladepunkt",
    [SpotType.COMPACT]: "klein",
    [SpotType.MOTORCYCLE]: "Motorrad",
  },
  booking: {
    [BookingState.UNSPECIFIED]: "jeder Stand",
    [BookingState.HELD]: "gehalten",
    [BookingState.RESERVED]: "reserviert",
    [BookingState.ACTIVE]: "parkt",
    [BookingState.COMPLETED]: "beendet",
    [BookingState.CANCELLED]: "storniert",
    [BookingState.EXPIRED]: "verfallen",
    [BookingState.NO_SHOW]: "nicht gekommen",
  },
  cause: {
    [Cause.UNSPECIFIED]: "",
    [Cause.SENSOR]: "Sensor",
    [Cause.DRIVER]: "Fahrer",
    [Cause.KIOSK]: "Kasse",
    [Cause.OPERATOR]: "Betreiber",
    [Cause.DEADLINE]: "Frist",
    [Cause.PAYMENT]: "Zahlung",
    [Cause.SPOT_BLOCKED]: "Platz gesperrt",
    [Cause.PLATE]: "Kennzeichen",
    [Cause.WAITLIST]: "Warteliste",
  },
  weekday: {
    [Weekday.UNSPECIFIED]: "",
    [Weekday.MONDAY]: "Mo",
    [Weekday.TUESDAY]: "Di",
    [Weekday.WEDNESDAY]: "Mi",
    [Weekday.THURSDAY]: "Do",
    [Weekday.FRIDAY]: "Fr",
    [Weekday.SATURDAY]: "Sa",
    [Weekday.SUNDAY]: "So",
  },
  waitlist: {
    [WaitlistState.UNSPECIFIED]: "jeder Stand",
    [WaitlistState.WAITING]: "wartet",
    [WaitlistState.OFFERED]: "angeboten",
    [WaitlistState.TAKEN]: "genommen",
    [WaitlistState.EXPIRED]: "verfallen",
    [WaitlistState.LEFT]: "verlassen",
  },
  passed: {
    [WaitlistPassedReason.UNSPECIFIED]: "",
    [WaitlistPassedReason.WINDOW_BLOCKED]: "nicht die ganze Zeit frei",
    [WaitlistPassedReason.SPOT_CLOSED]: "zu dieser Zeit gesperrt",
    [WaitlistPassedReason.LOT_RULES]: "außerhalb der Öffnungszeiten oder Grenzen",
    [WaitlistPassedReason.OFFER_WITHDRAWN]: "Angebot zurückgenommen",
    [WaitlistPassedReason.OFFER_FAILED]: "Angebot misslang, wird wiederholt",
  },
  payment: {
    [PaymentStatus.UNSPECIFIED]: "unbekannt",
    [PaymentStatus.PENDING]: "angefragt, noch keine Antwort",
    [PaymentStatus.AUTHORIZED]: "vorgemerkt",
    [PaymentStatus.DECLINED]: "abgelehnt",
    [PaymentStatus.CAPTURED]: "eingezogen",
    [PaymentStatus.VOIDED]: "freigegeben",
    [PaymentStatus.ACTION_REQUIRED]: "wartet auf die Bank",
  },
  kind: {
    [PaymentKind.UNSPECIFIED]: "Zahlung",
    [PaymentKind.BOOKING]: "Buchung",
    [PaymentKind.ADDITION]: "Nachtrag",
    [PaymentKind.OVERSTAY]: "Überziehung",
    [PaymentKind.DEBT]: "Forderung",
  },
  refund: {
    [RefundStatus.UNSPECIFIED]: "unbekannt",
    [RefundStatus.PENDING]: "angefragt, noch keine Antwort",
    [RefundStatus.REFUNDED]: "auf dem Weg zurück",
    [RefundStatus.FAILED]: "vom Anbieter abgelehnt",
  },
  health: {
    [SensorHealth.UNSPECIFIED]: "unbekannt",
    [SensorHealth.OK]: "gut",
    [SensorHealth.SILENT]: "stumm",
    [SensorHealth.SUSPECT]: "zweifelhaft",
  },
  ground: {
    [OccupancyState.UNSPECIFIED]: "unbekannt",
    [OccupancyState.VACANT]: "kein Auto",
    [OccupancyState.OCCUPIED]: "ein Auto",
    [OccupancyState.UNKNOWN]: "unbekannt",
  },
  discrepancy: {
    [DiscrepancyKind.UNSPECIFIED]: "weicht ab",
    [DiscrepancyKind.CAR_WITHOUT_SESSION]: "Auto ohne Parkvorgang",
    [DiscrepancyKind.SESSION_WITHOUT_CAR]: "Parkvorgang ohne Auto",
    [DiscrepancyKind.GROUND_UNKNOWN]: "Sensor verstummt",
  },
};

export const words = dictionary(english, german);

/** What happened, by the name of a fact; a fact that we do not know is told by its name. */
export const factWord = (fact: string): string => facts()[fact] ?? fact.replaceAll("_", " ");

const facts = dictionary<Readonly<Record<string, string>>>(
  {
    held: "held",
    reserved: "reserved",
    activated: "car arrived",
    completed: "completed",
    cancelled: "cancelled",
    expired: "hold lapsed",
    no_show: "nobody came",
    extended: "extended",
    moved: "moved",
    relocated: "relocated",
    overstayed: "overstay charged",
    claim_asked: "asked whose car it is",
    payment_declined: "card refused",
    price_reduced: "price reduced",
    departed: "car seen to leave",
    returned: "car is back",
    spot_assigned: "spot given",
    spot_state_changed: "state of the spot changed",
    spot_occupied: "a car stands here",
    spot_vacated: "no car stands here",
    sensor_silent: "sensor fell silent",
    sensor_recovered: "sensor is back",
    waitlist_offered: "offered to the waitlist",
  },
  {
    held: "gehalten",
    reserved: "reserviert",
    activated: "Auto ist da",
    completed: "beendet",
    cancelled: "storniert",
    expired: "Reservierung verfallen",
    no_show: "niemand kam",
    extended: "verlängert",
    moved: "verlegt",
    relocated: "umgesetzt",
    overstayed: "Überziehung berechnet",
    claim_asked: "gefragt, wessen Auto es ist",
    payment_declined: "Karte abgelehnt",
    price_reduced: "Preis gesenkt",
    departed: "Auto fuhr weg",
    returned: "Auto ist zurück",
    spot_assigned: "Platz vergeben",
    spot_state_changed: "Zustand des Platzes geändert",
    spot_occupied: "ein Auto steht hier",
    spot_vacated: "kein Auto steht hier",
    sensor_silent: "Sensor verstummt",
    sensor_recovered: "Sensor ist zurück",
    waitlist_offered: "der Warteliste angeboten",
  },
);
