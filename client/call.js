/** A call to an agent: what a page of one's own needs of livegraph. */

import { Emitter } from "./emitter.js";
import { Levels } from "./levels.js";
import { Line } from "./line.js";
import { Microphone } from "./microphone.js";
import { Pictures } from "./pictures.js";
import { CallProblem, asProblem } from "./problems.js";
import { FromServer, ToServer } from "./protocol.js";
import { Signalling } from "./signalling.js";
import { CallState, Phase } from "./state.js";

const TRANSPORTS = ["auto", "webrtc", "websocket"];
const TOOL_DEADLINE_MS = 30_000; // a function of the page that has not answered by then has failed

/** See `index.d.ts` for the options, the events and their fields. */
export class Call {
  #options;
  #signalling;
  #emitter = new Emitter();
  #state = new CallState();
  #levels = new Levels();
  #pictures = new Pictures(() => this.#emitter.emit("shown", this.shown));
  #sound = new Audio();
  #connection = null;
  #microphone = null;
  #speaker = "";
  #typed = []; // what was typed and has not come back
  #typedCount = 0;
  #ready = null;
  #shows = "";
  #live = "";
  #report = "none";
  #toldMuted = false; // what the server knows of it; null: of a call that another page has begun, nobody knows
  #line = null;
  #transport = "";

  /** @param {import("./index.js").CallOptions} [options] */
  constructor(options = {}) {
    // What is left open may as well be given as undefined, as frameworks do with properties that are not set.
    const { agent, inputs, tools, transport, iceServers } = options;
    this.#options = { agent: agent ?? "", inputs: inputs ?? {}, tools: tools ?? {}, transport: transport ?? "auto", iceServers };
    if (!TRANSPORTS.includes(this.#options.transport)) {
      throw new TypeError(`transport is one of ${TRANSPORTS.join(", ")}, not ${this.#options.transport}`);
    }
    // Where this file came from is where the agents are, unless something else is said.
    const server = new URL(options.server ?? new URL(".", import.meta.url), document.baseURI);
    this.#signalling = new Signalling(server, options.token ?? "");
    this.#sound.autoplay = true;
  }

  /** Calls `listener` at each event of this name. @returns {() => void} stops that */
  on(name, listener) {
    return this.#emitter.on(name, listener);
  }

  // ---- beginning and end

  /**
   * Calls. Resolves when the agent is there; an object can make one call after another.
   * @param {import("./index.js").StartOptions} [options]
   * @throws {CallProblem} why there is no call; the event "ended" has told it as well
   */
  async start({ audio = true, video = false, resume = "" } = {}) {
    if (this.#state.active) throw new Error("this call is already under way");
    const ready = new Promise((resolve, reject) => (this.#ready = { resolve, reject }));
    ready.catch(() => {}); // whoever awaits it hears of it; the event tells the others
    this.#typed = [];
    this.#toldMuted = resume === "" ? false : null;
    this.#live = "";
    this.#line = null;
    this.#state.dial(audio === false);
    this.#levels.start();
    this.#changed();
    this.#transport = "";
    const connection = new Line(this.#signalling, this.#options.transport, {
      detour: () => {
        this.#state.detour = true;
        this.#changed();
      },
      connected: () => {
        this.#transport = connection.way;
        this.#state.reach();
        this.#changed();
        this.#tellMuted();
      },
      again: () => this.#tellMuted(),
      sound: (stream) => void this.#play(stream),
      message: (message) => this.#receive(message),
      shaky: (shaky) => this.#shaky(shaky),
      over: (problem, reason) => this.#over(problem, reason),
    });
    this.#connection = connection;
    try {
      await this.#open(connection, audio, video, resume);
    } catch (error) {
      if (this.#connection === connection) this.#over(asProblem(error), "");
    }
    return await ready;
  }

  async #open(connection, audio, video, resume) {
    const microphone = this.#microphoneFor(connection);
    const [config, opened] = await Promise.allSettled([this.#iceServers(), microphone.open(audio)]);
    if (this.#connection !== connection) return; // the user gave up while the browser was asking
    if (opened.status === "rejected") throw opened.reason;
    if (config.status === "rejected") throw config.reason;
    this.#state.offer();
    this.#changed();
    const { agent, inputs } = this.#options;
    this.#shows = typeof video === "string" ? video : "";
    await connection.start({
      stream: microphone.stream,
      agent: agent || undefined,
      inputs: Object.keys(inputs).length > 0 ? inputs : undefined,
      iceServers: config.value,
      resume,
      sees: video !== false,
    });
  }

  async #iceServers() {
    const { iceServers, transport } = this.#options;
    if (iceServers || transport === "websocket") return iceServers ?? [];
    const config = await this.#signalling.config();
    return Array.isArray(config.iceServers) ? config.iceServers : [];
  }

  /** Hangs up. */
  hangUp() {
    const connection = this.#connection;
    connection?.hangUp();
    if (this.#connection === connection && this.#state.active) this.#over(null, "");
  }

  /**
   * The page goes away, perhaps to come back at once: it is being reloaded.
   * @returns {string} what `start({resume})` of the next page takes to go on with this call; "" when it cannot
   */
  leave() {
    if (this.#state.phase === Phase.LIVE) return this.#connection?.leave() ?? "";
    this.hangUp();
    return "";
  }

  #over(problem, reason) {
    if (!this.#state.active) return;
    this.#state.end(performance.now(), problem !== null && problem.kind !== "info");
    this.#connection = null;
    this.#pictures.stop();
    this.#levels.stop();
    this.#microphone?.close();
    this.#microphone = null;
    this.#sound.srcObject = null;
    this.#changed();
    this.#emitter.emit("ended", { problem, reason });
    if (problem === null) this.#ready.reject(new CallProblem("ended"));
    else this.#ready.reject(problem);
  }

  // ---- what goes on

  /** One word: "idle", "microphone", "connecting", "listening", "thinking", "speaking", "paused", "interrupted", "reconnecting" or "ended". */
  get state() {
    return this.#state.shown;
  }

  /** "idle", "connecting", "live" or "ended". */
  get phase() {
    return this.#state.phase;
  }

  /** The key of the words for a person, in `words().states`. */
  get said() {
    return this.#state.said;
  }

  /** Whether there is a call to hang up. */
  get active() {
    return this.#state.active;
  }

  /** How long the call lasts or lasted, in whole seconds. */
  get seconds() {
    return this.#state.seconds(performance.now());
  }

  /** Where the agent's model is, in words, as "local simulator"; "" before the agent has said so. */
  get live() {
    return this.#live;
  }

  /** What carries the call: "webrtc", "websocket", or "" before there is a line. */
  get transport() {
    return this.#transport;
  }

  /** How much the server tells of the call: "none", "names" (of tools) or "full". With "full" `watch` and `tune` work. */
  get report() {
    return this.#report;
  }

  /**
   * Has the server show the inside of the call: the events "graph", "flow" and "event", and "usage".
   * @param {boolean} on @returns {boolean} whether it could be asked
   */
  watch(on) {
    return this.#connection?.send(ToServer.WATCH, { on }) ?? false;
  }

  /** Turns a live option of the running call; a wrong value is told as the event "problem". */
  tune(node, option, value) {
    return this.#connection?.send(ToServer.TUNE, { node, option, value }) ?? false;
  }

  /** How the line is, as the last event "line" told it; `null` before. */
  get line() {
    return this.#line;
  }

  /** How loud both sides are, 0 to 1. @returns {{you: number, agent: number}} */
  get levels() {
    return this.#levels.read();
  }

  #changed() {
    this.#emitter.emit("state", { state: this.state, phase: this.phase });
  }

  #shaky(shaky) {
    if (this.#state.shaky === shaky) return;
    this.#state.shaky = shaky;
    this.#changed();
  }

  #receive(message) {
    switch (message.type) {
      case FromServer.READY:
        this.#live = String(message.live ?? "");
        this.#report = String(message.report ?? "none");
        this.#established();
        break;
      case FromServer.STATE:
        this.#established();
        this.#state.agentIs(message.state);
        this.#changed();
        break;
      case FromServer.TRANSCRIPT:
        if (!this.#cameBack(message)) this.#emitter.emit("transcript", message);
        break;
      case FromServer.TOOL_CALL:
        this.#emitter.emit("tool", { ...message, status: "running" });
        break;
      case FromServer.TOOL_RESULT:
        this.#emitter.emit("tool", { ...message, status: message.ok ? "ok" : "failed" });
        break;
      case FromServer.TOOL_CANCELLED:
        this.#emitter.emit("tool", { ...message, status: "cancelled" });
        break;
      case FromServer.MUTED:
        this.#state.unheard = Boolean(message.muted);
        this.#changed();
        break;
      case FromServer.SPEECH:
        this.#emitter.emit("speech", { speaking: Boolean(message.speaking) });
        break;
      case FromServer.LINE:
        this.#line = message;
        this.#emitter.emit("line", message);
        break;
      case FromServer.GRAPH:
      case FromServer.FLOW:
      case FromServer.EVENT:
      case FromServer.USAGE:
        this.#emitter.emit(message.type, message);
        break;
      case FromServer.RUN_TOOL:
        void this.#runTool(message);
        break;
      case FromServer.ERROR:
        this.#emitter.emit("problem", new CallProblem("agent_failed", { message: message.message, remedy: message.remedy }));
        break;
    }
    this.#emitter.emit("message", message);
  }

  /** Runs a function of the page for the agent, and answers. */
  async #runTool({ id, name, args }) {
    const answer = (ok, result) => this.#connection?.send(ToServer.TOOL_ANSWER, { id, ok, result });
    const tools = this.#options.tools;
    if (!Object.hasOwn(tools, name)) {
      answer(false, { error: `the page has no function "${name}"` });
      return;
    }
    let timer = 0;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error("it did not answer in time")), TOOL_DEADLINE_MS);
    });
    try {
      answer(true, (await Promise.race([tools[name](args ?? {}, this), late])) ?? {});
    } catch (error) {
      console.error(`the function "${name}" failed:`, error);
      answer(false, { error: error instanceof Error ? error.message : String(error) });
    } finally {
      clearTimeout(timer);
    }
  }

  /** The agent is there: the first sign of life starts the clock. */
  #established() {
    if (!this.#state.connect(performance.now())) return;
    this.#changed();
    this.#emitter.emit("connected", { live: this.#live, transport: this.#transport });
    this.#ready.resolve();
    const what = this.#shows;
    if (what) this.show(what).catch((error) => this.#emitter.emit("problem", asProblem(error)));
  }

  // ---- what the user says, shows and hears

  /** Sends what the user typed. @param {string} text @returns {boolean} whether it went out */
  send(text) {
    const words = String(text).trim();
    if (words === "" || !this.#connection?.send(ToServer.TEXT, { text: words })) return false;
    this.#typed.push(words);
    this.#typedCount += 1;
    const utterance = `typed-${this.#typedCount}`;
    this.#emitter.emit("transcript", { type: "transcript", role: "user", text: words, final: true, utterance, typed: true });
    return true;
  }

  /** Whether a line of the transcript is what was typed here and is already known. */
  #cameBack({ role, text, final }) {
    if (role !== "user" || !final) return false;
    const place = this.#typed.indexOf(String(text ?? "").trim());
    if (place >= 0) this.#typed.splice(place, 1);
    return place >= 0;
  }

  get muted() {
    return this.#state.muted;
  }

  /** Whether the agent does not listen at the moment, by its own rules or because of `muted`. */
  get unheard() {
    return this.#state.unheard;
  }

  /** Whether the agent does not hear the user. */
  set muted(muted) {
    if (this.microphone === null) return;
    this.#state.muted = this.#microphone.muted = Boolean(muted);
    this.#tellMuted();
    this.#changed();
  }

  /** Tells the server whether the user is muted, where it does not know; while there is no line it waits for the next. */
  #tellMuted() {
    const { muted } = this.#state;
    if (muted !== this.#toldMuted && this.#connection?.send(ToServer.MUTE, { muted })) this.#toldMuted = muted;
  }

  /** The microphone in use; `null` for a caller who types. @returns {MediaStream | null} */
  get microphone() {
    return this.#microphone?.stream ?? null;
  }

  /** Speaks through another microphone, without a new call. @throws {CallProblem} */
  async useMicrophone(deviceId) {
    await this.#microphone?.exchange(deviceId);
  }

  #microphoneFor(connection) {
    this.#microphone = new Microphone({
      use: (stream) => this.#levels.attach("you", stream),
      exchange: (track) => connection.replaceTrack(track),
      gone: (problem) => this.#emitter.emit("problem", problem),
      back: () => this.#emitter.emit("microphone_back", {}),
    });
    return this.#microphone;
  }

  /** Hears the agent through another loudspeaker, "" for the system's own, where the browser can choose. @throws {CallProblem} */
  async useSpeaker(deviceId) {
    this.#speaker = deviceId;
    if (!("setSinkId" in this.#sound)) return;
    try {
      await this.#sound.setSinkId(deviceId);
    } catch {
      throw new CallProblem("no_speaker");
    }
  }

  /** The agent's voice, 0 to 1; for a call that is only read, 0. */
  set volume(volume) {
    this.#sound.volume = Math.min(1, Math.max(0, volume));
  }

  get volume() {
    return this.#sound.volume;
  }

  /** Plays the agent's voice where the browser held it back: call it from a click, after the event "sound_blocked". */
  async play() {
    this.wake();
    try {
      await this.#sound.play();
    } catch (error) {
      if (error?.name === "NotAllowedError") this.#emitter.emit("sound_blocked", {});
      // Anything else: the call ended meanwhile.
    }
  }

  async #play(stream) {
    this.#levels.attach("agent", stream);
    this.#sound.srcObject = stream;
    if (this.#speaker) await this.useSpeaker(this.#speaker).catch((problem) => this.#emitter.emit("problem", problem));
    await this.play();
  }

  /** Mobile browsers stop sound when the page is hidden: call it when it is shown again. */
  wake() {
    this.#levels.wake();
    this.#connection?.wake();
  }

  /** Whether the agent can be shown anything in this call. */
  get canShow() {
    return Boolean(this.#connection?.pictures);
  }

  /** What the agent is shown: "camera", "screen" or "". */
  get shown() {
    return this.#pictures.shows;
  }

  /** The picture that the agent is shown, for the user to see too. @returns {MediaStream | null} */
  get picture() {
    return this.#pictures.stream;
  }

  /** Shows the camera or the screen, or "" for nothing any more. @param {"camera" | "screen" | ""} what @throws {CallProblem} */
  async show(what) {
    const connection = this.#connection;
    await this.#pictures.show(what, connection?.pictures ?? null);
    if (this.#connection !== connection) this.#pictures.stop(); // the call ended while the browser was asking
  }
}
