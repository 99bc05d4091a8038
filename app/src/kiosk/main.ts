import { show } from "../ui/show";
import Kiosk from "./Kiosk.svelte";

show(Kiosk);
