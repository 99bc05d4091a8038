/** For whom the page is. Each has addresses of its own, and a token of its own. */
export type Face = "driver" | "kiosk" | "operator";

/** The face that an address belongs to. */
export function face(path = location.pathname): Face {
  const first = path.split("/")[1];
  return first === "kiosk" || first === "operator" ? first : "driver";
}
