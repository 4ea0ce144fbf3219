/** Entry for set-up, listings and status, in which nothing native is ever loaded. */
import { plugin } from "./plugin.js";

export default { plugin };
