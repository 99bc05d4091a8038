import { mount, type Component } from "svelte";
import "./ui/theme.css";
import { face, type Face } from "./lib/face";
import { startRouting } from "./lib/route.svelte";
import { startTheme } from "./ui/theme.svelte";

// Each face is a bundle of its own: nobody loads what they do not use.
const FACES: Record<Face, () => Promise<{ default: Component }>> = {
  driver: () => import("./driver/Driver.svelte"),
  kiosk: () => import("./kiosk/Kiosk.svelte"),
  operator: () => import("./operator/Operator.svelte"),
};

startTheme();
startRouting();
const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app");
const { default: App } = await FACES[face()]();
mount(App, { target });
