/** What the app remembers of the driver on this device, because no service keeps it: vehicles, the permit, the card used last. */

const KEPT_AS = "parkmesh.profile";
const PLATES_MAX = 10;

interface Profile {
  plates: string[];
  /** The one that is booked for. */
  plate: string;
  permit: boolean;
  /** Id of the card that was used last. */
  card: string;
}

let kept = $state<Profile>(read());

export const profile = {
  get plates(): readonly string[] {
    return kept.plates;
  },
  /** The plate of the vehicle that is booked for; empty for none. */
  get plate(): string {
    return kept.plate;
  },
  get permit(): boolean {
    return kept.permit;
  },
  get card(): string {
    return kept.card;
  },
  addPlate(text: string): void {
    const plate = text.trim().toUpperCase();
    if (plate === "") return;
    keep({ plates: [...new Set([...kept.plates, plate])].slice(-PLATES_MAX), plate });
  },
  dropPlate(plate: string): void {
    const plates = kept.plates.filter((one) => one !== plate);
    keep({ plates, plate: kept.plate === plate ? (plates[0] ?? "") : kept.plate });
  },
  drive(plate: string): void {
    keep({ plate });
  },
  setPermit(permit: boolean): void {
    keep({ permit });
  },
  useCard(card: string): void {
    keep({ card });
  },
};

function keep(change: Partial<Profile>): void {
  kept = { ...kept, ...change };
  localStorage.setItem(KEPT_AS, JSON.stringify(kept));
}

function read(): Profile {
  const usual: Profile = { plates: [], plate: "", permit: false, card: "" };
  try {
    const json: unknown = JSON.parse(localStorage.getItem(KEPT_AS) ?? "null");
    return typeof json === "object" && json !== null ? { ...usual, ...json } : usual;
  } catch {
    return usual;
  }
}
