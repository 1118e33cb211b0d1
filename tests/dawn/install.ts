/** Loads Dawn, which installs it, without a driver: what computes later may have no network. */
import { openDawn } from "../../src/gpu/dawn.ts";

await openDawn({ computes: false });
