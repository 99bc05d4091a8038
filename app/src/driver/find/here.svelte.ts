/** Where the driver is, if they want to tell. */

interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

let point = $state.raw<Point>();
let asking = $state(false);
let refused = $state(false);

export const here = {
  get point(): Point | undefined {
    return point;
  },
  get asking(): boolean {
    return asking;
  },
  /** The browser does not tell it. */
  get refused(): boolean {
    return refused;
  },
  /** Asks the browser, or forgets what it said. */
  toggle(): void {
    refused = false;
    if (point !== undefined) {
      point = undefined;
      return;
    }
    asking = true;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        point = { latitude: coords.latitude, longitude: coords.longitude };
        asking = false;
      },
      () => {
        refused = true;
        asking = false;
      },
      { timeout: 10_000, maximumAge: 60_000 },
    );
  },
};
