/** One call: peer connection, trickled candidates, data channel, and the one way it ends. */

import { CallProblem, asProblem, endProblem } from "./errors.js";
import { CHANNEL, FromServer, ToServer, decode, encode } from "./protocol.js";

const CONNECT_DEADLINE_MS = 15_000; // from the answer to an open channel
const RECOVER_DEADLINE_MS = 8_000; // how long a broken path may take to come back
const BATCH_MS = 30; // candidates found together travel together
const FRESH_ERROR_MS = 5_000; // an end this soon after an error was caused by it

/**
 * @typedef {object} CallEvents
 * @property {() => void} connected        the data channel is open
 * @property {(stream: MediaStream) => void} sound   the agent's voice
 * @property {(message: object) => void} message     one known message of the server
 * @property {(shaky: boolean) => void} shaky        the path broke, or came back
 * @property {(problem: CallProblem | null) => void} over   once; null when the user hung up
 */

export class Call {
  #signalling;
  #on;
  #pc;
  #channel;
  #sender;
  #pcId = null;
  #candidates = [];
  #batch = 0;
  #deadline = 0;
  #recover = 0;
  #lastError = null;
  #over = false;
  #wasConnected = false;

  /**
   * @param {import("./signalling.js").Signalling} signalling
   * @param {CallEvents} on
   */
  constructor(signalling, on) {
    this.#signalling = signalling;
    this.#on = on;
  }

  /**
   * Offers the call; resolves when the server has answered. Failures arrive at `on.over`.
   * @param {{stream: MediaStream, agent?: string, iceServers?: RTCIceServer[]}} options
   */
  async start({ stream, agent, iceServers = [] }) {
    try {
      const pc = this.#open(stream, iceServers);
      await pc.setLocalDescription();
      if (this.#over) return;
      const { sdp, type } = pc.localDescription;
      const answer = await this.#signalling.offer({ sdp, type, agent });
      if (this.#over) {
        await this.#signalling.hangUp(answer.pc_id); // the user hung up while the server was answering
        return;
      }
      this.#pcId = answer.pc_id;
      this.#deadline = setTimeout(() => this.#finish(new CallProblem("no_path")), CONNECT_DEADLINE_MS);
      this.#sendCandidates();
      await pc.setRemoteDescription({ sdp: answer.sdp, type: answer.type });
    } catch (error) {
      this.#finish(asProblem(error));
    }
  }

  /** Whether messages can be sent. */
  get isOpen() {
    return !this.#over && this.#channel?.readyState === "open";
  }

  /** Sends what the user typed. @returns {boolean} whether it went out */
  sendText(text) {
    if (!this.isOpen) return false;
    this.#channel.send(encode(ToServer.TEXT, { text }));
    return true;
  }

  /** Speaks through another microphone from now on, without a new offer. */
  async replaceTrack(track) {
    await this.#sender?.replaceTrack(track);
  }

  /** The user hangs up, or leaves the page. */
  hangUp() {
    if (this.isOpen) this.#channel.send(encode(ToServer.HANGUP));
    this.#finish(null);
  }

  #open(stream, iceServers) {
    const pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.#pc = pc;
    this.#channel = pc.createDataChannel(CHANNEL, { ordered: true });
    this.#channel.onopen = () => this.#connected();
    this.#channel.onmessage = (event) => this.#receive(event.data);
    this.#channel.onclose = () => this.#lost();
    const [track] = stream.getAudioTracks();
    this.#sender = pc.addTrack(track, stream);
    pc.ontrack = (event) => this.#on.sound(event.streams[0] ?? new MediaStream([event.track]));
    pc.onicecandidate = (event) => this.#found(event.candidate);
    pc.onconnectionstatechange = () => this.#pathChanged(pc.connectionState);
    return pc;
  }

  #connected() {
    if (this.#over) return;
    clearTimeout(this.#deadline);
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
    if (message.type === FromServer.END) this.#finish(endProblem(message.reason, this.#freshError()));
  }

  #freshError() {
    const error = this.#lastError;
    return error && performance.now() - error.at < FRESH_ERROR_MS ? error.problem : null;
  }

  #pathChanged(state) {
    if (this.#over) return;
    clearTimeout(this.#recover);
    if (state === "failed") {
      this.#lost();
    } else if (state === "disconnected") {
      this.#on.shaky(true);
      this.#recover = setTimeout(() => this.#lost(), RECOVER_DEADLINE_MS);
    } else if (state === "connected") {
      this.#on.shaky(false);
    }
  }

  #lost() {
    const offline = navigator.onLine === false ? { message: "This device went offline." } : {};
    const code = this.#wasConnected ? "lost" : "no_path";
    this.#finish(this.#freshError() ?? new CallProblem(code, offline));
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

  #finish(problem) {
    if (this.#over) return;
    this.#over = true;
    for (const timer of [this.#batch, this.#deadline, this.#recover]) clearTimeout(timer);
    if (this.#pcId !== null) void this.#signalling.hangUp(this.#pcId);
    this.#channel?.close();
    this.#pc?.close();
    this.#on.over(problem);
  }
}
