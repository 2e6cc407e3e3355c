/** The messages of the data channel. Made from server/protocol/ by `LIVEGRAPH_UPDATE=1 pytest tests/client/test_protocol_files.py`. */

/** Why a call ended */
export type EndReason =
  "completed" | "hung_up" | "lost" | "not_connected" | "goodbye" | "transferred" | "idle" | "max_duration" | "max_cost" | "max_turns" | "max_tokens" | "no_answer" | "voicemail" | "operator" | "shutdown" | "left" | "cancelled" | "failed" | "ended_by_agent";

/** An option that can change while the call runs, and the value that it has. A duration is in nanoseconds. */
export interface LiveOption {
  node: string;
  option: string;
  value: boolean | number;
  low?: number | null;
  high?: number | null;
  unit?: string;
  doc?: string;
}

/** How the sound of one direction is coded. `rate` is in hertz; of one channel. */
export interface SoundFormat {
  encoding: "pcm16" | "l16" | "pcmu" | "pcma" | "g722" | "opus";
  rate: number;
}

/** The call runs. `live` is where its model is, for people; `report` how much the caller is told of it. It is told again, with `state` and `muted` as they stand, to a page that has connected anew. */
export interface Ready {
  type: "ready";
  version: number;
  agent: string;
  live: string;
  report: "none" | "names" | "full";
}

/** What the agent does: `listening`, `thinking`, `speaking`, `paused`, `interrupted`. */
export interface State {
  type: "state";
  state: string;
}

/** All that is known of an utterance so far; it replaces what was said of the same role and utterance before. */
export interface Transcript {
  type: "transcript";
  role: "user" | "agent";
  text: string;
  final: boolean;
  turn: number;
  utterance: number;
  interrupted?: boolean;
}

/** Whether the caller is heard speaking. */
export interface Speech {
  type: "speech";
  speaking: boolean;
}

/** A turn of the agent was cut short. */
export interface Interrupted {
  type: "interrupted";
  turn: number;
}

/** The agent asks for a tool. `args` is empty where callers are told names only. */
export interface ToolCall {
  type: "tool_call";
  id: string;
  name: string;
  args: Record<string, unknown>;
  kind?: string;
}

/** It answered, or failed: then `result` says how. */
export interface ToolResult {
  type: "tool_result";
  id: string;
  name: string;
  ok: boolean;
  result: unknown;
  duration_ms: number;
}

/** The agent does not want the answer any more. */
export interface ToolCancelled {
  type: "tool_cancelled";
  id: string;
  name: string;
}

/** A function tells how far it is: in words, as a `fraction` from 0 to 1, or both. */
export interface ToolProgress {
  type: "tool_progress";
  id: string;
  name: string;
  text?: string;
  fraction?: number | null;
}

/** The caller was asked whether the function `name` may be used, and has said yes (`agreed`) or no. */
export interface Confirmed {
  type: "confirmed";
  name: string;
  agreed: boolean;
}

/** The agent does not hear the caller from now on, by its own rules or the caller's wish, or hears them again. */
export interface Muted {
  type: "muted";
  muted: boolean;
}

/** What the model thinks and does not say, piece by piece; for callers who are told everything. */
export interface Thought {
  type: "thought";
  turn: number;
  text: string;
}

/** One of several personas of the agent speaks from now on; `before` is empty for the one who begins. */
export interface Persona {
  type: "persona";
  persona: string;
  before?: string;
}

/** The call is to go to a human, by one of these addresses. Not everybody is told `reason` and `summary`. */
export interface Transfer {
  type: "transfer";
  to: string;
  sip?: string;
  number?: string;
  callback?: boolean;
  reason?: string;
  summary?: string;
}

/** Tokens that a service counted. */
export interface Usage {
  type: "usage";
  node: string;
  input_tokens: number;
  output_tokens: number;
  total_tokens: number;
  call_cost_usd?: number | null;
}

/** What became of a connection to a service. */
export interface Service {
  type: "service";
  node: string;
  state: string;
  detail: string;
}

/** How the line is, every few seconds: the fields of `MediaStatistics`, which has what they mean. */
export interface LineNumbers {
  type: "line";
  received_packets: number;
  received_bytes: number;
  receive_bit_rate: number;
  lost_packets: number;
  late_packets: number;
  duplicate_packets: number;
  reordered_packets: number;
  recovered_packets: number;
  concealed_ms: number;
  silent_ms: number;
  malformed_packets: number;
  foreign_packets: number;
  sources: number;
  jitter_ms: number;
  buffer_ms: number;
  buffer_most_ms: number;
  wait_limit_ms: number;
  sent_packets: number;
  sent_bytes: number;
  left_out_packets: number;
  skipped_ms: number;
  lost_by_caller: number;
  round_trip_ms: number | null;
  one_way_ms: number | null;
  queue_ms: number | null;
  caller_level_db: number | null;
  bit_rate: number;
  fec: boolean;
  complexity: number;
  late_beats: number;
  video_frames: number;
  video_requests: number;
}

/** How long somebody waited: `greeting`, `answer` and `silence` as in `pipeline.latencies.Latency`. */
export interface Waited {
  type: "waited";
  what: "greeting" | "answer" | "silence";
  waited_ms: number;
  turn: number;
}

/** What the program around the agent has for the page: any JSON. */
export interface Message {
  type: "message";
  data: unknown;
}

/** What the program answers to `ask` with the same `id`; where it failed, `data` says how. */
export interface Reply {
  type: "reply";
  id: string;
  ok: boolean;
  data?: unknown;
}

/** The agent asks for a function of the caller's page; `tool_answer` with the same `id` is awaited. */
export interface RunTool {
  type: "run_tool";
  id: string;
  name: string;
  args: Record<string, unknown>;
}

/** The call's graph as a picture, and what can be turned; told after `watch`, and again when something was turned. Each line of the picture has the name of its edge as its title. */
export interface Graph {
  type: "graph";
  svg: string;
  options: LiveOption[];
}

/** What the edges carry, every second: frames passed, frames waiting, how many milliseconds those last, frames dropped, frames of cut turns refused; by the names of the edges. */
export interface Flow {
  type: "flow";
  edges: Record<string, [number, number, number, number, number]>;
}

/** Something happened inside, `at_ms` after the call began. */
export interface Happened {
  type: "event";
  kind: string;
  at_ms: number;
  text: string;
}

/** Something failed, in the server's words. Its log has the cause under `id`. */
export interface Error {
  type: "error";
  message: string;
  remedy: string;
  code?: string;
  id?: string;
  node?: string;
  fatal?: boolean;
}

/** The call is over; nothing comes after it. */
export interface End {
  type: "end";
  reason: EndReason;
  detail?: string;
}

export type ServerMessage =
  Ready
  | State
  | Transcript
  | Speech
  | Interrupted
  | ToolCall
  | ToolResult
  | ToolCancelled
  | ToolProgress
  | Confirmed
  | Muted
  | Thought
  | Persona
  | Transfer
  | Usage
  | Service
  | LineNumbers
  | Waited
  | Message
  | Reply
  | RunTool
  | Graph
  | Flow
  | Happened
  | Error
  | End;

/** What the caller typed. With `reply` off the agent takes it in and says nothing to it yet; with `aloud` off what it says to it is written and not heard. */
export interface Text {
  type: "text";
  text: string;
  reply?: boolean;
  aloud?: boolean;
}

/** Keys of a telephone that the caller pressed: `0` to `9`, `*`, `#`, `A` to `D`. */
export interface Keys {
  type: "keys";
  keys: string;
}

/** The caller has switched their microphone off, or on again: the agent waits for nothing that comes from it. */
export interface Mute {
  type: "mute";
  muted: boolean;
}

/** How long the caller's side keeps the agent's sound before it is heard. */
export interface Playout {
  type: "playout";
  delay_ms: number;
}

/** What a function of the page gave; where it failed, `result` says how. */
export interface ToolAnswer {
  type: "tool_answer";
  id: string;
  ok: boolean;
  result?: unknown;
}

/** The page asks the program around the agent; `reply` with the same `id` answers. */
export interface Ask {
  type: "ask";
  id: string;
  name: string;
  data?: unknown;
}

/** The caller wants to see the inside of its call, or no longer. Answered where it is told everything. */
export interface Watch {
  type: "watch";
  on: boolean;
}

/** The caller turns an option of its running call. Done where it is told everything. */
export interface Tune {
  type: "tune";
  node: string;
  option: string;
  value: boolean | number;
}

/** The caller hangs up. */
export interface HangUp {
  type: "hangup";
  dismissed?: boolean;
}

export type CallerMessage =
  Text
  | Keys
  | Mute
  | Playout
  | ToolAnswer
  | Ask
  | Watch
  | Tune
  | HangUp;

/** The server's answer to `hello` when the call has a place. `id` is the call's line. */
export interface Welcome {
  type: "hello";
  version: number;
  id: string;
  in: SoundFormat;
  out: SoundFormat;
  marks: boolean;
}

/** Told between two pieces of sound, to a caller who said `marks`; `marked` with the same `id` is awaited. */
export interface Mark {
  type: "mark";
  id: string;
}

/** The agent is interrupted: what is not played yet is to be forgotten, and its marks are not answered. */
export interface Clear {
  type: "clear";
}

/** The agent presses a key of a telephone: `0` to `9`, `*`, `#`, `A` to `D`. */
export interface Key {
  type: "key";
  key: string;
}

export type SocketServerMessage =
  Welcome
  | Mark
  | Clear
  | Key;

/** The caller's first message. `in` is how its sound comes, `out` how it wants the agent's; with `marks` it tells what it has played; `ahead_ms` is how much of the agent's sound it is sent before that is heard. */
export interface Hello {
  type: "hello";
  version?: number;
  agent?: string | null;
  token?: string;
  inputs?: Record<string, string | number | boolean | null>;
  in?: SoundFormat;
  out?: SoundFormat;
  marks?: boolean;
  ahead_ms?: number;
}

/** All that came before the `mark` with this `id` has been played. */
export interface Marked {
  type: "marked";
  id: string;
}

/** The caller is still there, though nothing else comes from it. */
export interface Alive {
  type: "alive";
}

export type SocketCallerMessage =
  Hello
  | Marked
  | Alive;

export const CHANNEL: "livegraph";

export const PROTOCOL_VERSION: number;

export const FromServer: Readonly<{
  READY: "ready";
  STATE: "state";
  TRANSCRIPT: "transcript";
  SPEECH: "speech";
  INTERRUPTED: "interrupted";
  TOOL_CALL: "tool_call";
  TOOL_RESULT: "tool_result";
  TOOL_CANCELLED: "tool_cancelled";
  TOOL_PROGRESS: "tool_progress";
  CONFIRMED: "confirmed";
  MUTED: "muted";
  THOUGHT: "thought";
  PERSONA: "persona";
  TRANSFER: "transfer";
  USAGE: "usage";
  SERVICE: "service";
  LINE: "line";
  WAITED: "waited";
  MESSAGE: "message";
  REPLY: "reply";
  RUN_TOOL: "run_tool";
  GRAPH: "graph";
  FLOW: "flow";
  EVENT: "event";
  ERROR: "error";
  END: "end";
}>;

export const ToServer: Readonly<{
  TEXT: "text";
  KEYS: "keys";
  MUTE: "mute";
  PLAYOUT: "playout";
  TOOL_ANSWER: "tool_answer";
  ASK: "ask";
  WATCH: "watch";
  TUNE: "tune";
  HANGUP: "hangup";
}>;

export const SocketFromServer: Readonly<{
  HELLO: "hello";
  MARK: "mark";
  CLEAR: "clear";
  KEY: "key";
}>;

export const SocketToServer: Readonly<{
  HELLO: "hello";
  MARKED: "marked";
  ALIVE: "alive";
}>;

/** One message from the server, of the data of a channel's message event; null for what the page does not know. */
export function decode(data: unknown): ServerMessage | null;

/** The text of one message to the server. */
export function encode(type: string, fields?: Record<string, unknown>): string;
