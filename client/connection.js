/** The line of one call: peer connection, trickled candidates, data channel, mending, and the one way it ends. */

import { Patience } from "./patience.js";
import { offerPictures } from "./pictures.js";
import { CallProblem, asProblem, endProblem } from "./problems.js";
import { CHANNEL, FromServer, ToServer, decode, encode } from "./protocol.js";

const CONNECT_DEADLINE_MS = 15_000; // from the answer to an open channel
const IMPATIENT_MS = 6_000; // and to the first check that got through, where there is another way to call
const RECOVER_DEADLINE_MS = 8_000; // how long a broken path may take to come back by itself
const MEND_DEADLINE_MS = 30_000; // how long the page tries to bring it back; the server waits as long
const SETTLE_MS = 500; // a path that is broken for less mends itself
const AGAIN_MS = 1_500; // between two tries
const BATCH_MS = 30; // candidates found together travel together
const LOOK_MS = 500; // how often it is looked whether anything comes
const SILENT_MS = 2_000; // a server sends fifty packets a second, in silence too: one that is not heard of is away
const TELL_PLAYOUT_LOOKS = 10; // the server is told as often as this how long the browser keeps sound
const MENDABLE = new Set(["server_unreachable", "offline", "server_error", "full"]); // refusals that may pass
const FRESH_ERROR_MS = 5_000; // an end this soon after an error was caused by it

/**
 * @typedef {object} ConnectionEvents
 * @property {() => void} connected        the data channel is open
 * @property {(stream: MediaStream) => void} sound   the agent's voice
 * @property {(message: object) => void} message     one known message of the server
 * @property {(shaky: boolean) => void} shaky        the path broke, or came back
 * @property {(problem: CallProblem | null, reason: string) => void} over   once; null when the user hung up
 */

export class Connection {
  #signalling;
  #on;
  #pc;
  #channel;
  #sender;
  #pictures = null;
  #look = 0;
  #looks = 0;
  #came = 0;
  #patience = null;
  #kept = { delay: 0, count: 0 };
  #pcId = null;
  #candidates = [];
  #batch = 0;
  #deadline = 0;
  #impatience = 0;
  #recover = 0;
  #mend = 0;
  #mendUntil = 0;
  #mending = false;
  #resume = "";
  #options = null;
  #networkChanged = () => this.#mendSoon(0);
  #lastError = null;
  #over = false;
  #wasConnected = false;

  /**
   * @param {import("./signalling.js").Signalling} signalling
   * @param {ConnectionEvents} on
   */
  constructor(signalling, on) {
    this.#signalling = signalling;
    this.#on = on;
  }

  /**
   * Offers the call; resolves when the server has answered. Failures arrive at `on.over`.
   * @param {{stream: MediaStream | null, agent?: string, inputs?: object, iceServers?: RTCIceServer[], resume?: string,
   *   sees?: boolean, impatient?: boolean}} options
   *   stream: the microphone; null for a caller who only types
   *   resume: the token of a call to go on with, as `leave` gave it
   *   sees: the agent may be shown the camera or the screen
   *   impatient: gives up sooner when nothing at all gets through, and leaves the offer to whoever knows another way
   */
  async start({ stream, agent, inputs, iceServers = [], resume = "", sees = false, impatient = false }) {
    this.#options = { stream, iceServers, sees, impatient };
    window.addEventListener("online", this.#networkChanged);
    navigator.connection?.addEventListener?.("change", this.#networkChanged);
    try {
      const pc = this.#open(stream, iceServers);
      if (sees) this.#pictures = offerPictures(pc);
      await pc.setLocalDescription();
      if (this.#over) return;
      const { sdp, type } = pc.localDescription;
      const answer = await this.#signalling.offer({ sdp, type, agent, inputs, resume });
      if (this.#over) {
        await this.#signalling.hangUp(answer.pc_id); // the user hung up while the server was answering
        return;
      }
      this.#pcId = answer.pc_id;
      this.#resume = answer.resume ?? "";
      this.#deadline = setTimeout(() => this.#finish(new CallProblem("no_path")), CONNECT_DEADLINE_MS);
      if (impatient) this.#impatience = setTimeout(() => this.#giveUpOn(pc), IMPATIENT_MS);
      this.#sendCandidates();
      await pc.setRemoteDescription({ sdp: answer.sdp, type: answer.type });
    } catch (error) {
      if (!this.#over) this.#finish(asProblem(error)); // a connection that was given up takes no answer: no fault
    }
  }

  /** The server's name of the call; null before it has answered. */
  get pcId() {
    return this.#pcId;
  }

  /** No check has got through so far: none will. */
  #giveUpOn(pc) {
    if (["new", "checking"].includes(pc.iceConnectionState)) this.#finish(new CallProblem("no_path"));
  }

  /** Whether messages can be sent. */
  get isOpen() {
    return !this.#over && this.#channel?.readyState === "open";
  }

  /** Sends one message. @returns {boolean} whether it went out */
  send(type, fields) {
    if (!this.isOpen) return false;
    this.#channel.send(encode(type, fields));
    return true;
  }

  /** Browsers keep peer connections awake by themselves. */
  wake() {}

  /** Speaks through another microphone from now on, without a new offer. */
  async replaceTrack(track) {
    this.#options.stream = new MediaStream([track]);
    await this.#sender?.replaceTrack(track);
  }

  /** Through which pictures go to the agent; null for one that does not look. */
  get pictures() {
    return this.#over ? null : this.#pictures;
  }

  /**
   * The page goes away, perhaps to come back at once: it is being reloaded.
   * @returns {string} the token by which a new page can go on with the call; "" when it cannot, and the call is over
   */
  leave() {
    const token = this.#wasConnected ? this.#resume : "";
    if (token === "" || this.#over) {
      this.hangUp();
      return "";
    }
    void this.#signalling.hangUp(this.#pcId, { resumes: true });
    this.#pcId = null;
    this.#finish(null);
    return token;
  }

  /** The user hangs up. */
  hangUp() {
    this.send(ToServer.HANGUP);
    this.#finish(null);
  }

  #open(stream, iceServers) {
    const pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.#pc = pc;
    this.#channel = pc.createDataChannel(CHANNEL, { ordered: true });
    this.#channel.onopen = () => this.#connected();
    this.#channel.onmessage = (event) => this.#receive(event.data);
    this.#channel.onclose = () => {
      if (pc === this.#pc) this.#broken();
    };
    if (stream === null) pc.addTransceiver("audio", { direction: "recvonly" });
    else this.#sender = pc.addTrack(stream.getAudioTracks()[0], stream);
    pc.ontrack = (event) => this.#on.sound(event.streams[0] ?? new MediaStream([event.track]));
    pc.onicecandidate = (event) => this.#found(event.candidate);
    pc.onconnectionstatechange = () => {
      if (pc === this.#pc) this.#pathChanged(pc.connectionState);
    };
    return pc;
  }

  /** Looks whether anything still comes, and now and then how long the browser keeps sound before it is heard. */
  async #lookAtLine() {
    const pc = this.#pc;
    if (this.#over || pc === null) return;
    const reports = [...(await pc.getStats()).values()];
    if (this.#over || pc !== this.#pc) return;
    this.#looks += 1;
    const bytes = reports.reduce((sum, report) => sum + (report.type === "transport" ? report.bytesReceived ?? 0 : 0), 0);
    const silent = this.#patience.look(bytes !== this.#came);
    this.#came = bytes;
    if (bytes > 0 && silent > SILENT_MS && pc.connectionState === "connected") this.#broken();
    if (this.#looks % TELL_PLAYOUT_LOOKS === 0) this.#tellPlayout(reports);
  }

  /** Tells how long the browser keeps the agent's sound before it is heard: what was sent is not yet heard. */
  #tellPlayout(reports) {
    const before = this.#kept;
    for (const report of reports) {
      if (report.type !== "inbound-rtp" || report.kind !== "audio") continue;
      this.#kept = { delay: report.jitterBufferDelay ?? 0, count: report.jitterBufferEmittedCount ?? 0 };
    }
    const count = this.#kept.count - before.count;
    if (count > 0) this.send(ToServer.PLAYOUT, { delay_ms: Math.round((1000 * (this.#kept.delay - before.delay)) / count) });
  }

  #connected() {
    if (this.#over) return;
    clearInterval(this.#look);
    this.#kept = { delay: 0, count: 0 };
    this.#came = 0;
    this.#patience = new Patience(2 * LOOK_MS);
    this.#look = setInterval(() => this.#lookAtLine().catch(() => {}), LOOK_MS); // a closed connection has no figures
    clearTimeout(this.#deadline);
    this.#mended();
    if (this.#wasConnected) {
      this.#on.again(); // another connection of the same call
      return;
    }
    this.#wasConnected = true;
    this.#on.connected();
  }

  #receive(data) {
    const message = decode(data);
    if (message === null || this.#over) return;
    if (message.type === FromServer.ERROR) {
      const problem = new CallProblem("agent_failed", { message: message.message, remedy: message.remedy });
      this.#lastError = { problem, at: performance.now() };
    }
    this.#on.message(message);
    if (message.type === FromServer.END) {
      this.#finish(endProblem(message, this.#freshError()), String(message.reason ?? ""));
    }
  }

  #freshError() {
    const error = this.#lastError;
    return error && performance.now() - error.at < FRESH_ERROR_MS ? error.problem : null;
  }

  #pathChanged(state) {
    if (this.#over) return;
    clearTimeout(this.#recover);
    if (state === "failed") {
      this.#broken();
    } else if (state === "disconnected") {
      this.#on.shaky(true);
      if (this.#canMend) this.#mendSoon(SETTLE_MS);
      else this.#recover = setTimeout(() => this.#lost(), RECOVER_DEADLINE_MS);
    } else if (state === "connected") {
      this.#mended();
    }
  }

  // ---- a path that broke: first another way for the same connection, then another connection for the same call

  get #canMend() {
    return !this.#over && this.#wasConnected && this.#resume !== "";
  }

  /** The connection carries nothing any more. */
  #broken() {
    if (this.#over) return;
    if (!this.#canMend || this.#freshError()) {
      this.#lost();
      return;
    }
    this.#on.shaky(true);
    this.#mendSoon(0);
  }

  #mendSoon(delay) {
    if (!this.#canMend) return;
    this.#mendUntil ||= performance.now() + MEND_DEADLINE_MS;
    clearTimeout(this.#mend);
    this.#mend = setTimeout(() => void this.#tryToMend(), delay);
  }

  #mended() {
    clearTimeout(this.#mend);
    this.#mendUntil = 0;
    this.#on.shaky(false);
  }

  async #tryToMend() {
    if (!this.#canMend || this.#mending) return;
    if (performance.now() > this.#mendUntil) {
      this.#lost();
      return;
    }
    this.#mending = true;
    try {
      const pc = this.#pc;
      const alive = this.#channel.readyState === "open" && !["failed", "closed"].includes(pc.connectionState);
      await (alive ? this.#restart(pc) : this.#replace());
    } catch (error) {
      // The call is over at the server; anything else, as a network that is not there yet, is tried again.
      if (error instanceof CallProblem && !MENDABLE.has(error.code)) {
        this.#lost();
        return;
      }
    } finally {
      this.#mending = false;
    }
    if (this.#mendUntil !== 0) this.#mendSoon(AGAIN_MS);
  }

  /** The same connection over another way: a restart of ICE. */
  async #restart(pc) {
    pc.restartIce();
    await pc.setLocalDescription();
    const { sdp, type } = pc.localDescription;
    const answer = await this.#signalling.offer({ sdp, type, pc_id: this.#pcId, resume: "" });
    if (this.#over || pc !== this.#pc) return;
    this.#resume = answer.resume ?? this.#resume;
    await pc.setRemoteDescription({ sdp: answer.sdp, type: answer.type });
    if (pc.connectionState === "connected") this.#mended();
  }

  /** Another connection, attached to the same call. */
  async #replace() {
    const { stream, iceServers, sees } = this.#options;
    const before = this.#pc;
    const pc = this.#open(stream, iceServers);
    if (sees) {
      const shown = this.#pictures?.track ?? null;
      this.#pictures = offerPictures(pc);
      if (shown !== null) await this.#pictures.replaceTrack(shown);
    }
    before.close();
    await pc.setLocalDescription();
    const { sdp, type } = pc.localDescription;
    const answer = await this.#signalling.offer({ sdp, type, resume: this.#resume });
    if (this.#over) return;
    this.#resume = answer.resume ?? "";
    await pc.setRemoteDescription({ sdp: answer.sdp, type: answer.type });
  }

  #lost() {
    const code = this.#wasConnected ? "lost" : "no_path";
    this.#finish(this.#freshError() ?? new CallProblem(navigator.onLine === false ? "offline" : code));
  }

  #found(candidate) {
    if (!candidate?.candidate || this.#over) return;
    this.#candidates.push({
      candidate: candidate.candidate,
      sdp_mid: candidate.sdpMid,
      sdp_mline_index: candidate.sdpMLineIndex,
    });
    if (!this.#batch) this.#batch = setTimeout(() => this.#sendCandidates(), BATCH_MS);
  }

  #sendCandidates() {
    this.#batch = 0;
    if (this.#pcId === null || this.#over || this.#candidates.length === 0) return;
    const candidates = this.#candidates.splice(0);
    this.#signalling.trickle(this.#pcId, candidates).catch((error) => {
      // Not fatal: the peer may have learnt the address from our own checks. The deadline decides.
      console.warn("candidates not delivered:", error.message);
    });
  }

  #finish(problem, reason = "") {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#look);
    for (const timer of [this.#batch, this.#deadline, this.#impatience, this.#recover, this.#mend]) clearTimeout(timer);
    window.removeEventListener("online", this.#networkChanged);
    navigator.connection?.removeEventListener?.("change", this.#networkChanged);
    const leftToOthers = this.#options?.impatient && problem?.code === "no_path";
    if (this.#pcId !== null && !leftToOthers) void this.#signalling.hangUp(this.#pcId);
    this.#channel?.close();
    this.#pc?.close();
    this.#on.over(problem, reason);
  }
}
