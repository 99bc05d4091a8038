import "./ui/theme.css";
import { face, type Face } from "./lib/face";

// Each face is a bundle of its own: nobody loads what they do not use. Nothing else is imported here, so that the face is asked for while
// what all share is still under way.
const FACES: Record<Face, () => Promise<unknown>> = {
  driver: () => import("./driver/main"),
  kiosk: () => import("./kiosk/main"),
  operator: () => import("./operator/main"),
};

void FACES[face()]();
