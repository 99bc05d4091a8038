/** Short news at the edge of the screen, also read out. What must be acted on does not belong here. */

const SHOWN_MS = 6_000;
const MOST = 3;

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly look: "good" | "warn" | "plain";
}

let toasts = $state.raw<readonly Toast[]>([]);
let last = 0;

export const toast = {
  get all(): readonly Toast[] {
    return toasts;
  },
  show(text: string, look: Toast["look"] = "plain"): void {
    last += 1;
    const id = last;
    toasts = [...toasts, { id, text, look }].slice(-MOST);
    setTimeout(() => toast.drop(id), SHOWN_MS);
  },
  drop(id: number): void {
    toasts = toasts.filter((one) => one.id !== id);
  },
};
