import { show } from "../ui/show";
import Driver from "./Driver.svelte";

show(Driver);
