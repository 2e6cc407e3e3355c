/** Where a call stands, decided without a page or a network. */

/** idle: nothing yet; connecting: dialling; live: talking; ended: the call is over. */
export const Phase = Object.freeze({ IDLE: "idle", CONNECTING: "connecting", LIVE: "live", ENDED: "ended" });

/** The agent's states that the server may name. */
const AGENT_STATES = new Set(["listening", "thinking", "speaking", "paused", "interrupted"]);

export class CallState {
  phase = Phase.IDLE;
  muted = false;
  unheard = false; // the agent does not listen at the moment
  shaky = false; // the path is broken, and may come back
  asking = false; // the browser asks the user for the microphone
  reached = false; // the line is open, the agent has not said a word yet
  detour = false; // no peer connection came about, another way is tried
  failed = false; // the last try did not become a call
  silent = false; // a call without a microphone: the user types
  agent = "listening";
  #startedAt = 0;
  #lasted = 0;

  /** A call is dialled. @param {boolean} silent without a microphone */
  dial(silent) {
    this.phase = Phase.CONNECTING;
    this.asking = !silent;
    this.silent = silent;
    this.muted = this.unheard = this.shaky = this.reached = this.detour = this.failed = false;
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

  /** The agent is there. @param {number} now milliseconds of a monotonic clock @returns {boolean} whether that is new */
  connect(now) {
    if (this.phase !== Phase.CONNECTING) return false;
    this.phase = Phase.LIVE;
    this.#startedAt = now;
    return true;
  }

  /** The server says what the agent does; an unknown word changes nothing. */
  agentIs(state) {
    if (AGENT_STATES.has(state)) this.agent = state;
  }

  /** The call is over; one that never stood leaves all as it was. @param {boolean} failed not the user's wish */
  end(now, failed) {
    const stood = this.phase === Phase.LIVE;
    if (stood) this.#lasted = now - this.#startedAt;
    this.phase = stood ? Phase.ENDED : Phase.IDLE;
    this.failed = failed && !stood;
    this.shaky = this.asking = this.unheard = false;
  }

  /** Whether there is a call to hang up. */
  get active() {
    return this.phase === Phase.CONNECTING || this.phase === Phase.LIVE;
  }

  /** One word for what goes on: a phase, or what the agent does, or "microphone" or "reconnecting". */
  get shown() {
    if (this.phase === Phase.LIVE) return this.shaky ? "reconnecting" : this.agent;
    if (this.phase === Phase.CONNECTING) return this.asking ? "microphone" : "connecting";
    return this.phase;
  }

  /** The key of the words that tell a person. */
  get said() {
    if (this.shown === "connecting" && this.reached) return "joining";
    if (this.shown === "connecting" && this.detour) return "detour";
    if (this.shown === "idle" && this.failed) return "failed";
    if (this.shown === "listening" && this.silent) return "reading";
    return this.shown;
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
