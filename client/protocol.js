/**
 * What a page and the server say to each other on the data channel "livegraph"; `protocol.d.ts` has the messages.
 * Made from server/protocol/ by `LIVEGRAPH_UPDATE=1 pytest tests/client/test_protocol_files.py`.
 */

export const CHANNEL = "livegraph";

export const PROTOCOL_VERSION = 1;

export const FromServer = Object.freeze({
  READY: "ready",
  STATE: "state",
  TRANSCRIPT: "transcript",
  SPEECH: "speech",
  INTERRUPTED: "interrupted",
  TOOL_CALL: "tool_call",
  TOOL_RESULT: "tool_result",
  TOOL_CANCELLED: "tool_cancelled",
  TOOL_PROGRESS: "tool_progress",
  CONFIRMED: "confirmed",
  MUTED: "muted",
  THOUGHT: "thought",
  PERSONA: "persona",
  TRANSFER: "transfer",
  USAGE: "usage",
  SERVICE: "service",
  LINE: "line",
  WAITED: "waited",
  MESSAGE: "message",
  REPLY: "reply",
  RUN_TOOL: "run_tool",
  GRAPH: "graph",
  FLOW: "flow",
  EVENT: "event",
  ERROR: "error",
  END: "end",
});

export const ToServer = Object.freeze({
  TEXT: "text",
  KEYS: "keys",
  MUTE: "mute",
  PLAYOUT: "playout",
  TOOL_ANSWER: "tool_answer",
  ASK: "ask",
  WATCH: "watch",
  TUNE: "tune",
  HANGUP: "hangup",
});

export const SocketFromServer = Object.freeze({
  HELLO: "hello",
  MARK: "mark",
  CLEAR: "clear",
  KEY: "key",
});

export const SocketToServer = Object.freeze({
  HELLO: "hello",
  MARKED: "marked",
  ALIVE: "alive",
});

const KNOWN = new Set(Object.values(FromServer));

/**
 * One message from the server, or null for what the page does not understand.
 * @param {unknown} data the data of a channel's message event
 * @returns {import("./protocol.d.ts").ServerMessage | null}
 */
export function decode(data) {
  if (typeof data !== "string") return null;
  let message;
  try {
    message = JSON.parse(data);
  } catch {
    return null;
  }
  const known = message !== null && typeof message === "object" && KNOWN.has(message.type);
  return known ? message : null;
}

/** The text of one message to the server. */
export function encode(type, fields = {}) {
  return JSON.stringify({ type, ...fields });
}
