/** livegraph in a page of one's own: calls to agents, devices, and the words that go with them. */

export { Call } from "./call.js";
export { listDevices, onDevicesChanged, openMicrophone, release } from "./devices.js";
export { LivegraphCall } from "./element.js";
export { Levels } from "./levels.js";
export { CallProblem, asProblem } from "./problems.js";
export { Signalling } from "./signalling.js";
export { Phase, clockText } from "./state.js";
export { direction, label, language, languages, speak, words } from "./words.js";
