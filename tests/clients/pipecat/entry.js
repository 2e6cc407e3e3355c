// Bundled for the tests: the clients that Pipecat publishes, as they are.
export { PipecatClient } from "@pipecat-ai/client-js";
export { SmallWebRTCTransport, WavMediaManager } from "@pipecat-ai/small-webrtc-transport";
