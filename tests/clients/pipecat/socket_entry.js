// Bundled for the tests: Pipecat's client with its transport for WebSockets, as they are published.
export { PipecatClient } from "@pipecat-ai/client-js";
export { WavMediaManager, WebSocketTransport } from "@pipecat-ai/websocket-transport";
