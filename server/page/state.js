/** What the page shows of a call, decided without touching the page. */

/** idle: nothing yet; connecting: dialling; live: talking; ended: the last call is over. */
export const Phase = Object.freeze({ IDLE: "idle", CONNECTING: "connecting", LIVE: "live", ENDED: "ended" });

const LABELS = {
  idle: ["Ready", "Press call and speak."],
  microphone: ["Microphone", "Allow the microphone when the browser asks."],
  connecting: ["Connecting", "Reaching the server."],
  joining: ["Connecting", "The line is open. Waiting for the agent."],
  listening: ["Listening", "Speak whenever you like."],
  thinking: ["Thinking", "The agent is working on an answer."],
  speaking: ["Speaking", "You can interrupt at any time."],
  paused: ["Paused", "The agent waits to hear whether you go on."],
  interrupted: ["Interrupted", "The agent stopped. Go ahead."],
  reconnecting: ["Reconnecting", "The connection is shaky. Hold on."],
  failed: ["Not connected", ""],
  ended: ["Call ended", ""],
};

/** The agent's states that the server may name. */
const AGENT_STATES = new Set(["listening", "thinking", "speaking", "paused", "interrupted"]);

export class CallState {
  phase = Phase.IDLE;
  muted = false;
  shaky = false;
  asking = false; // the browser asks the user for the microphone
  reached = false; // the line is open, the agent has not said a word yet
  failed = false; // the last try did not become a call
  agent = "listening";
  #startedAt = 0;
  #lasted = 0;

  /** A new call is dialled. */
  dial() {
    this.phase = Phase.CONNECTING;
    this.asking = true;
    this.muted = this.shaky = this.reached = this.failed = false;
    this.agent = "listening";
    this.#lasted = 0;
  }

  /** The microphone is ours; the server is being asked. */
  offer() {
    this.asking = false;
  }

  /** The line is open. */
  reach() {
    this.reached = true;
  }

  /** The agent is there. @param {number} now milliseconds of a monotonic clock */
  connect(now) {
    if (this.phase !== Phase.CONNECTING) return;
    this.phase = Phase.LIVE;
    this.#startedAt = now;
  }

  /** The server says what the agent does; an unknown word changes nothing. */
  agentIs(state) {
    if (AGENT_STATES.has(state)) this.agent = state;
  }

  /** The call is over; one that never stood leaves the page as it was. @param {boolean} failed not the user's wish */
  end(now, failed) {
    const stood = this.phase === Phase.LIVE;
    if (stood) this.#lasted = now - this.#startedAt;
    this.phase = stood ? Phase.ENDED : Phase.IDLE;
    this.failed = failed && !stood;
  }

  /** Whether there is a call to hang up. */
  get active() {
    return this.phase === Phase.CONNECTING || this.phase === Phase.LIVE;
  }

  /** The one word for `#state[data-state]`. */
  get shown() {
    if (this.phase === Phase.LIVE) return this.shaky ? "reconnecting" : this.agent;
    if (this.phase === Phase.CONNECTING) return this.asking ? "microphone" : "connecting";
    return this.phase;
  }

  /** @returns {{label: string, hint: string}} */
  get words() {
    let key = this.shown;
    if (key === "connecting" && this.reached) key = "joining";
    if (key === "idle" && this.failed) key = "failed";
    const [label, hint] = LABELS[key];
    return { label, hint };
  }

  /** How long the call lasts or lasted, in whole seconds. */
  seconds(now) {
    const ms = this.phase === Phase.LIVE ? now - this.#startedAt : this.#lasted;
    return Math.max(0, Math.floor(ms / 1000));
  }
}

/** 65 -> "1:05", 3665 -> "1:01:05" */
export function clockText(seconds) {
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
