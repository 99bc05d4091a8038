import { show } from "../ui/show";
import Operator from "./Operator.svelte";

show(Operator);
