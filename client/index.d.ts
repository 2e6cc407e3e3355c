/** livegraph in a page of one's own. */

export type State =
  | "idle" | "microphone" | "connecting" | "reconnecting" | "ended"
  | "listening" | "thinking" | "speaking" | "paused" | "interrupted";

export type PhaseName = "idle" | "connecting" | "live" | "ended";

/** What `/api/agents` says of one agent. */
export interface AgentInfo {
  name: string;
  title?: string;
  description?: string;
  /** Where its model is, in words. */
  live?: string;
  /** Whether it can be shown the camera or the screen. */
  sees?: boolean;
  inputs?: InputInfo[];
}

/** What a caller can bring along. */
export interface InputInfo {
  name: string;
  type: "text" | "number" | "integer" | "boolean" | string;
  required: boolean;
  doc?: string;
  default?: string | number | boolean | null;
  choices?: (string | number)[];
  max_length?: number;
  pattern?: string;
  /** Of a number, both included. */
  range?: [least: number, most: number];
}

/** What is left open may be `undefined` as well. */
export interface CallOptions {
  /** The server's address, ending in a slash; by default the one that this file came from. */
  server?: string | URL | undefined;
  /** Which agent; by default the server's own choice. */
  agent?: string | undefined;
  /** What the agent is told about this call, by the names of its inputs. */
  inputs?: Record<string, string | number | boolean | null> | undefined;
  /** A token or ticket that shows who calls. */
  token?: string | undefined;
  /**
   * What carries the call. "auto", the default, is a peer connection, and a WebSocket where no packet of one gets through:
   * then nothing can be shown, and a reload ends the call.
   */
  transport?: "auto" | "webrtc" | "websocket" | undefined;
  /** STUN and TURN servers, where the server's own are not to be used. */
  iceServers?: RTCIceServer[] | undefined;
  /**
   * Functions of the page that the agent may ask for, by the names under which it declares them.
   * What one returns (or promises) is the answer; what it throws is told to the agent as its failure.
   */
  tools?: Record<string, (args: Record<string, any>, call: Call) => unknown> | undefined;
}

export interface StartOptions {
  /** true: the default microphone. false: none, the user types. Or a certain one, or sound of your own. */
  audio?: boolean | { deviceId?: string | undefined } | MediaStream | undefined;
  /** true: something may be shown later. Or what is shown at once. */
  video?: boolean | "camera" | "screen" | undefined;
  /** What `leave()` gave on the page before. */
  resume?: string | undefined;
}

export interface Transcript {
  role: "user" | "agent";
  /** All that is known of the utterance so far: it replaces what was shown for the same role and utterance. */
  text: string;
  final: boolean;
  utterance: number | string;
  turn?: number;
  /** It was cut short. */
  interrupted?: boolean;
  /** It was sent by `send`. */
  typed?: boolean;
}

export interface ToolUse {
  id: string;
  name: string;
  status: "running" | "ok" | "failed" | "cancelled";
  args?: Record<string, unknown>;
  result?: unknown;
  duration_ms?: number;
}

/** How the line is; every few seconds. */
export interface Line {
  round_trip_ms: number | null;
  jitter_ms: number;
  received_packets: number;
  lost_packets: number;
  lost_by_caller: number;
  [figure: string]: unknown;
}

export interface CallEvents {
  state: { state: State; phase: PhaseName };
  connected: { live: string; transport: "webrtc" | "websocket" };
  transcript: Transcript;
  tool: ToolUse;
  /** The server hears the user's voice, or no longer. */
  speech: { speaking: boolean };
  line: Line;
  /** After `watch(true)`, where the server tells everything: see protocol.d.ts. */
  graph: import("./protocol.js").Graph;
  flow: import("./protocol.js").Flow;
  event: import("./protocol.js").Happened;
  usage: import("./protocol.js").Usage;
  /** The agent is shown something else. */
  shown: "" | "camera" | "screen";
  /** Something failed, and the call goes on. */
  problem: CallProblem;
  /** A microphone that was gone, as a problem told, is there again. */
  microphone_back: Record<string, never>;
  /** The browser wants a click before it plays: call `play()` from one. */
  sound_blocked: Record<string, never>;
  /** Once a call. problem: `null` when the user hung up. reason: the server's word for the end, "" where it had none. */
  ended: { problem: CallProblem | null; reason: string };
  /** Every message of the server, as it came. */
  message: { type: string; [field: string]: unknown };
}

/** A call to an agent. One object makes any number of calls, one at a time. */
export class Call {
  constructor(options?: CallOptions);
  on<Name extends keyof CallEvents>(name: Name, listener: (detail: CallEvents[Name]) => void): () => void;
  /** Resolves when the agent is there. Rejects with a `CallProblem`, which the event "ended" tells as well. */
  start(options?: StartOptions): Promise<void>;
  hangUp(): void;
  /** The page is being left: what `start({resume})` of the next one takes, "" when the call is over. */
  leave(): string;
  /** Sends what the user typed; tells whether it went out. */
  send(text: string): boolean;
  muted: boolean;
  /** Whether the agent does not listen at the moment, by its own rules or because of `muted`. */
  readonly unheard: boolean;
  volume: number;
  useMicrophone(deviceId: string): Promise<void>;
  useSpeaker(deviceId: string): Promise<void>;
  show(what: "camera" | "screen" | ""): Promise<void>;
  watch(on: boolean): boolean;
  tune(node: string, option: string, value: boolean | number): boolean;
  play(): Promise<void>;
  wake(): void;
  readonly state: State;
  readonly phase: PhaseName;
  readonly said: string;
  readonly active: boolean;
  readonly seconds: number;
  readonly live: string;
  readonly transport: "" | "webrtc" | "websocket";
  readonly report: "none" | "names" | "full";
  readonly line: Line | null;
  readonly levels: { you: number; agent: number };
  readonly microphone: MediaStream | null;
  readonly canShow: boolean;
  readonly shown: "" | "camera" | "screen";
  readonly picture: MediaStream | null;
}

export type ProblemCode =
  | "insecure_origin" | "unsupported_browser" | "no_microphone" | "microphone_denied" | "microphone_busy"
  | "microphone_lost" | "microphone_revoked" | "no_camera" | "camera_denied" | "no_speaker" | "sound_blocked" | "server_unreachable"
  | "server_error" | "refused" | "bad_inputs" | "agent_unknown" | "unauthorized" | "ticket_expired" | "ticket_used"
  | "too_often" | "draining" | "overloaded" | "full" | "no_path" | "lost" | "offline" | "agent_failed" | "ended"
  | "page_failed";

/** Why a call could not be made, or ended; in words for a person. */
export class CallProblem extends Error {
  constructor(code: ProblemCode, said?: { title?: string; message?: string; remedy?: string; retryAfter?: number });
  readonly code: ProblemCode;
  readonly title: string;
  readonly remedy: string;
  readonly kind: "error" | "warning" | "info";
  /** Whether calling again can help, and after how many seconds. */
  readonly retry: boolean;
  readonly retryAfter?: number;
  /** Whether a call without a microphone would do. */
  readonly typing: boolean;
}

/** The problem behind anything that was thrown. */
export function asProblem(error: unknown): CallProblem;

export function listDevices(kind: "microphone" | "speaker" | "camera"): Promise<{ id: string; name: string }[]>;
export function onDevicesChanged(callback: () => void): () => void;
export function openMicrophone(deviceId?: string): Promise<MediaStream>;
export function release(stream: MediaStream | null): void;

/** The levels of two streams, 0 to 1. */
export class Levels {
  start(): void;
  attach(side: "you" | "agent", stream: MediaStream | null): void;
  read(): { you: number; agent: number };
  wake(): void;
  stop(): void;
}

/** The server's HTTP side. */
export class Signalling {
  constructor(base: string | URL, token?: string);
  agents(): Promise<{ agents: AgentInfo[]; default?: string }>;
  config(): Promise<{ iceServers?: RTCIceServer[] }>;
}

export const Phase: Readonly<{ IDLE: "idle"; CONNECTING: "connecting"; LIVE: "live"; ENDED: "ended" }>;
export function clockText(seconds: number): string;

export type Language = "en" | "de" | "ar";
export function languages(): Language[];
export function language(): Language;
export function speak(...wanted: string[]): Language;
export function direction(): "ltr" | "rtl";
export function label(key: string, values?: Record<string, string | number>): string;
export function words(): {
  problems: Record<ProblemCode, [title: string, message: string, remedy: string]>;
  ends: Record<string, [title: string, message: string]>;
  states: Record<State | "joining" | "detour" | "reading" | "failed", [label: string, hint: string]>;
  labels: Record<string, string>;
};

/** `<livegraph-call agent="desk">`: a button that calls, and a panel with the conversation. */
export class LivegraphCall extends HTMLElement {
  /** Functions of the page that the agent may ask for. */
  tools: CallOptions["tools"];
  /** The call in it, with everything that `Call` has. */
  readonly call: Call | null;
  start(options?: StartOptions): Promise<void>;
  hangUp(): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "livegraph-call": LivegraphCall;
  }
}
