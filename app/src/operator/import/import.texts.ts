import { dictionary } from "../../lib/i18n.svelte";
import type { Column, Mistake } from "./lot-file";

interface Texts {
  readonly title: string;
  readonly about: string;
  readonly file: string;
  readonly choose: string;
  readonly drop: string;
  readonly columns: string;
  readonly needed: string;
  readonly optional: string;
  readonly example: string;
  readonly reading: string;
  readonly good: (spots: number, floors: number) => string;
  readonly bad: (mistakes: number) => string;
  readonly nothing: string;
  readonly line: string;
  readonly column: string;
  readonly mistake: string;
  readonly wholeFile: string;
  readonly more: (shown: number, all: number) => string;
  readonly begin: (spots: number) => string;
  readonly progress: (done: number, all: number) => string;
  readonly done: (spots: number, floors: number) => string;
  readonly toMap: string;
  readonly brokeOff: string;
  readonly again: string;
  readonly plan: string;
  readonly says: (mistake: Mistake) => string;
  readonly newLot: string;
  readonly newLotAbout: string;
  readonly name: string;
  readonly address: string;
  readonly latitude: string;
  readonly longitude: string;
  readonly zone: string;
  readonly rate: string;
  readonly currency: string;
  readonly make: string;
  readonly numberWrong: string;
  readonly amountWrong: string;
  readonly columnNames: Readonly<Record<Column, string>>;
}

const english: Texts = {
  title: "Import",
  about:
    "Floors and spots of this lot from a file. It is read here first: nothing is made while anything in it is wrong.",
  file: "File",
  choose: "Choose a CSV file",
  drop: "or drop it here",
  columns: "Columns",
  needed: "needed",
  optional: "optional",
  example: "Example",
  reading: "Reading …",
  good: (spots, floors) =>
    `The file is in order: ${spots} spots on ${floors} ${floors === 1 ? "floor" : "floors"}.`,
  bad: (mistakes) =>
    mistakes === 1
      ? "There is 1 mistake. Nothing was imported."
      : `There are ${mistakes} mistakes. Nothing was imported.`,
  nothing: "Mend the file and choose it again.",
  line: "Line",
  column: "Column",
  mistake: "What is wrong",
  wholeFile: "file",
  more: (shown, all) => `The first ${shown} of ${all} are shown.`,
  begin: (spots) => `Import ${spots} spots`,
  progress: (done, all) => `${done} of ${all} spots are made.`,
  done: (spots, floors) => `Done: ${spots} spots, ${floors} new ${floors === 1 ? "floor" : "floors"}.`,
  toMap: "Show them on the map",
  brokeOff: "The import broke off. What was made stays made; going on makes nothing twice.",
  again: "Go on",
  plan: "Plan of the file",
  says: ({ kind, value, other = "" }) => {
    switch (kind) {
      case "empty-file":
        return "There is no spot in it.";
      case "open-quote":
        return "A quote is opened here and never closed.";
      case "column-missing":
        return "This column is missing.";
      case "column-unknown":
        return `There is no column “${value}”.`;
      case "column-twice":
        return "This column is there twice.";
      case "too-many-fields":
        return `The line has ${value} fields, the first line ${other}.`;
      case "missing":
        return "This is empty, and is needed.";
      case "not-a-number":
        return `“${value}” is no number.`;
      case "not-whole":
        return `“${value}” is no whole number.`;
      case "out-of-range":
        return `${value} is not in ${other}.`;
      case "too-long":
        return `This is ${value.length} characters long; at most ${other} are allowed.`;
      case "type-unknown":
        return `“${value}” is no type of spot. Types are: ${other}.`;
      case "twice-in-file":
        return `Spot ${value} is in line ${other} already.`;
      case "taken-in-lot":
        return `The lot has a spot ${value} already.`;
      case "floor-name-differs":
        return `The floor is called “${value}” here and “${other}” before.`;
      case "half-a-position":
        return "Latitude and longitude belong together: one of them is missing.";
      case "same-place":
        return `Another spot, in line ${other}, lies at ${value} too.`;
    }
  },
  newLot: "New lot",
  newLotAbout:
    "What drivers see of it. Floors and spots come next, from a file; the tariff can say more later.",
  name: "Name",
  address: "Address",
  latitude: "Latitude",
  longitude: "Longitude",
  zone: "Time zone",
  rate: "Price of a started hour",
  currency: "Currency",
  make: "Make the lot",
  numberWrong: "Write degrees, such as 52.5219.",
  amountWrong: "Write an amount such as 2.50.",
  columnNames: {
    floor_number: "0 is the street's level",
    floor_name: "name that drivers see",
    spot_number: "what is painted on it, unique in the lot",
    spot_type: "regular, accessible, ev, compact or motorcycle; regular if empty",
    plan_x: "place on the plan, for example in metres",
    plan_y: "place on the plan",
    latitude: "where it is surveyed",
    longitude: "where it is surveyed",
  },
};

const german: Texts = {
  title: "Einlesen",
  about:
    "Ebenen und Plätze dieses Parkhauses aus einer Datei. Sie wird erst hier gelesen: Solange etwas falsch ist, wird nichts angelegt.",
  file: "Datei",
  choose: "CSV-Datei wählen",
  drop: "oder hier ablegen",
  columns: "Spalten",
  needed: "nötig",
  optional: "freiwillig",
  example: "Beispiel",
  reading: "Wird gelesen …",
  good: (spots, floors) =>
    `Die Datei ist in Ordnung: ${spots} Plätze auf ${floors} ${floors === 1 ? "Ebene" : "Ebenen"}.`,
  bad: (mistakes) =>
    mistakes === 1
      ? "Es gibt 1 Fehler. Nichts wurde eingelesen."
      : `Es gibt ${mistakes} Fehler. Nichts wurde eingelesen.`,
  nothing: "Bessern Sie die Datei aus und wählen Sie sie neu.",
  line: "Zeile",
  column: "Spalte",
  mistake: "Was falsch ist",
  wholeFile: "Datei",
  more: (shown, all) => `Die ersten ${shown} von ${all} werden gezeigt.`,
  begin: (spots) => `${spots} Plätze einlesen`,
  progress: (done, all) => `${done} von ${all} Plätzen sind angelegt.`,
  done: (spots, floors) => `Fertig: ${spots} Plätze, ${floors} neue ${floors === 1 ? "Ebene" : "Ebenen"}.`,
  toMap: "Auf dem Plan zeigen",
  brokeOff: "Das Einlesen brach ab. Was angelegt ist, bleibt; beim Weitermachen entsteht nichts doppelt.",
  again: "Weitermachen",
  plan: "Plan der Datei",
  says: ({ kind, value, other = "" }) => {
    switch (kind) {
      case "empty-file":
        return "Darin ist kein Platz.";
      case "open-quote":
        return "Hier beginnt ein Anführungszeichen, das nie endet.";
      case "column-missing":
        return "Diese Spalte fehlt.";
      case "column-unknown":
        return `Eine Spalte „${value}“ gibt es nicht.`;
      case "column-twice":
        return "Diese Spalte kommt zweimal vor.";
      case "too-many-fields":
        return `Die Zeile hat ${value} Felder, die erste ${other}.`;
      case "missing":
        return "Das ist leer und wird gebraucht.";
      case "not-a-number":
        return `„${value}“ ist keine Zahl.`;
      case "not-whole":
        return `„${value}“ ist keine ganze Zahl.`;
      case "out-of-range":
        return `${value} liegt nicht in ${other}.`;
      case "too-long":
        return `Das ist ${value.length} Zeichen lang; erlaubt sind höchstens ${other}.`;
      case "type-unknown":
        return `„${value}“ ist keine Art von Platz. Es gibt: ${other}.`;
      case "twice-in-file":
        return `Platz ${value} steht schon in Zeile ${other}.`;
      case "taken-in-lot":
        return `Einen Platz ${value} hat das Parkhaus schon.`;
      case "floor-name-differs":
        return `Die Ebene heißt hier „${value}“ und vorher „${other}“.`;
      case "half-a-position":
        return "Breite und Länge gehören zusammen: Eines fehlt.";
      case "same-place":
        return `Auch der Platz in Zeile ${other} liegt bei ${value}.`;
    }
  },
  newLot: "Neues Parkhaus",
  newLotAbout:
    "Was Fahrer davon sehen. Ebenen und Plätze kommen danach aus einer Datei; der Tarif kann später mehr sagen.",
  name: "Name",
  address: "Adresse",
  latitude: "Breite",
  longitude: "Länge",
  zone: "Zeitzone",
  rate: "Preis je begonnener Stunde",
  currency: "Währung",
  make: "Parkhaus anlegen",
  numberWrong: "Schreiben Sie Grade, zum Beispiel 52,5219.",
  amountWrong: "Schreiben Sie einen Betrag wie 2,50.",
  columnNames: {
    floor_number: "0 ist die Straßenebene",
    floor_name: "Name, den Fahrer sehen",
    spot_number: "was daraufgemalt ist, einmalig im Parkhaus",
    spot_type: "regular, accessible, ev, compact oder motorcycle; leer: regular",
    plan_x: "Ort auf dem Plan, zum Beispiel in Metern",
    plan_y: "Ort auf dem Plan",
    latitude: "wo er vermessen ist",
    longitude: "wo er vermessen ist",
  },
};

export const importTexts = dictionary(english, german);
