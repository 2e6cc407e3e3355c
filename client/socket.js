/** The line of one call over a WebSocket, for networks that let neither UDP nor its stand-ins through. */

import { Capture } from "./capture.js";
import { Patience } from "./patience.js";
import { Playout } from "./playout.js";
import { CallProblem, asProblem, endProblem, refusalProblem } from "./problems.js";
import { FromServer, SocketFromServer, SocketToServer, ToServer, decode, encode } from "./protocol.js";

const HEARD_RATE = 16_000;
const SPOKEN_RATE = 24_000;
const HELLO_DEADLINE_MS = 15_000;
const CHECK_MS = 500;
const SHAKY_MS = 1_500; // nothing was taken of what is to be sent for so long
const LOST_MS = 10_000;
const MOST_WAITING_BYTES = 2 * HEARD_RATE; // a second of the microphone: what is later than that is not worth saying
const ALIVE_MS = 20_000; // the server gives up a caller of whom nothing comes for a minute
const CODE_OF_STATUS = 4_000; // 4401 is what 401 is over HTTP
const FRESH_FAULT_MS = 5_000; // an end this soon after an error was caused by it

/** See `Connection`, which it stands in for: the same options, events and methods, but that nothing can be shown. */
export class SocketLine {
  #signalling;
  #on;
  #socket = null;
  #context = null;
  #capture = null;
  #playout = null;
  #stream = null;
  #deadline = 0;
  #look = 0;
  #said = 0; // bytes of the microphone that were given to the socket
  #sent = 0; // of those, how many have left it
  #patience = null;
  #aliveAt = 0;
  #refusal = null;
  #fault = null;
  #connected = false;
  #over = false;

  /**
   * @param {import("./signalling.js").Signalling} signalling
   * @param {import("./connection.js").ConnectionEvents} on
   */
  constructor(signalling, on) {
    this.#signalling = signalling;
    this.#on = on;
  }

  /** Calls; resolves when the server was asked. Failures arrive at `on.over`. `instead`: of an offer that nothing came of. */
  async start({ stream, agent, inputs, instead = null }) {
    this.#stream = stream;
    try {
      this.#context = new AudioContext({ latencyHint: "interactive" });
      void this.#context.resume();
      if (stream !== null) await Capture.load(this.#context, this.#signalling.address("client.js"));
      if (this.#over) return;
      this.#playout = new Playout(this.#context, SPOKEN_RATE, (id) => this.#say(SocketToServer.MARKED, { id }));
      this.#deadline = setTimeout(() => this.#finish(new CallProblem("server_unreachable")), HELLO_DEADLINE_MS);
      const address = this.#signalling.address("ws", { socket: true });
      if (instead !== null) address.searchParams.set("instead", instead);
      const socket = new WebSocket(address);
      this.#socket = socket;
      socket.binaryType = "arraybuffer";
      socket.onopen = () =>
        this.#say(SocketToServer.HELLO, {
          agent,
          inputs,
          token: this.#signalling.token || undefined,
          in: { encoding: "pcm16", rate: HEARD_RATE },
          out: { encoding: "pcm16", rate: SPOKEN_RATE },
          marks: true,
        });
      socket.onmessage = ({ data }) => this.#receive(data);
      socket.onclose = ({ code }) => this.#closed(code);
    } catch (error) {
      if (!this.#over) this.#finish(asProblem(error)); // a context that was closed prepares nothing: no fault
    }
  }

  /** Whether messages can be sent. */
  get isOpen() {
    return !this.#over && this.#connected && this.#socket.readyState === WebSocket.OPEN;
  }

  /** Sends one message. @returns {boolean} whether it went out */
  send(type, fields) {
    if (!this.isOpen) return false;
    this.#socket.send(encode(type, fields));
    return true;
  }

  /** Speaks through another microphone from now on. */
  async replaceTrack(track) {
    this.#stream = new MediaStream([track]);
    this.#capture?.attach(this.#stream);
  }

  /** Pictures do not go this way. */
  get pictures() {
    return null;
  }

  /** Goes on with sound that the browser held back, or stopped. */
  wake() {
    if (this.#context !== null && this.#context.state !== "running") void this.#context.resume();
  }

  /** The page goes away: a call does not outlive its socket. @returns {string} always "" */
  leave() {
    this.hangUp();
    return "";
  }

  /** The user hangs up. */
  hangUp() {
    this.send(ToServer.HANGUP);
    this.#finish(null);
  }

  #say(type, fields) {
    if (!this.#over && this.#socket.readyState === WebSocket.OPEN) this.#socket.send(encode(type, fields));
  }

  #receive(data) {
    if (this.#over) return;
    if (typeof data !== "string") {
      this.#playout.add(data);
      return;
    }
    let told;
    try {
      told = JSON.parse(data);
    } catch {
      return;
    }
    if (told?.type === SocketFromServer.HELLO) this.#welcomed();
    else if (told?.type === SocketFromServer.MARK) this.#playout.mark(told.id);
    else if (told?.type === SocketFromServer.CLEAR) this.#playout.clear();
    else if (!this.#connected && told?.type === FromServer.ERROR) this.#refusal = told;
    else this.#told(decode(data));
  }

  #told(message) {
    if (message === null) return;
    if (message.type === FromServer.ERROR) {
      const problem = new CallProblem("agent_failed", { message: message.message, remedy: message.remedy });
      this.#fault = { problem, at: performance.now() };
    }
    this.#on.message(message);
    if (message.type === FromServer.END) {
      this.#finish(endProblem(message, this.#freshFault()), String(message.reason ?? ""));
    }
  }

  #freshFault() {
    return this.#fault && performance.now() - this.#fault.at < FRESH_FAULT_MS ? this.#fault.problem : null;
  }

  /** The call has a place. */
  #welcomed() {
    if (this.#connected) return;
    this.#connected = true;
    clearTimeout(this.#deadline);
    this.#patience = new Patience(2 * CHECK_MS);
    this.#aliveAt = performance.now();
    this.#look = setInterval(() => this.#lookAtLine(), CHECK_MS);
    if (this.#stream !== null) {
      this.#capture = new Capture(this.#context, HEARD_RATE, (pcm) => this.#speak(pcm));
      this.#capture.attach(this.#stream);
    }
    this.#on.connected();
    this.#on.sound(this.#playout.stream);
  }

  #speak(pcm) {
    if (!this.isOpen || pcm.byteLength === 0 || this.#socket.bufferedAmount > MOST_WAITING_BYTES) return;
    this.#socket.send(pcm);
    this.#said += pcm.byteLength;
  }

  /** Looks whether what is to be sent is taken, and says now and then that somebody is there who says nothing. */
  #lookAtLine() {
    const now = performance.now();
    const bytes = this.#said - this.#socket.bufferedAmount;
    const taken = this.#socket.bufferedAmount === 0 || bytes > this.#sent;
    if (taken) this.#sent = bytes;
    const waited = this.#patience.look(taken);
    if (now - this.#aliveAt > ALIVE_MS) {
      this.#aliveAt = now;
      this.#say(SocketToServer.ALIVE);
    }
    this.#on.shaky(waited > SHAKY_MS);
    if (waited > LOST_MS) this.#finish(this.#lost());
  }

  #closed(code) {
    if (this.#connected) {
      this.#finish(this.#freshFault() ?? this.#lost());
    } else if (this.#refusal !== null || code > CODE_OF_STATUS) {
      this.#finish(refusalProblem(code - CODE_OF_STATUS, this.#refusal ?? {}));
    } else {
      this.#finish(new CallProblem(navigator.onLine === false ? "offline" : "server_unreachable"));
    }
  }

  #lost() {
    return new CallProblem(navigator.onLine === false ? "offline" : "lost");
  }

  #finish(problem, reason = "") {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#deadline);
    clearInterval(this.#look);
    this.#capture?.close();
    this.#playout?.close();
    void this.#context?.close();
    this.#socket?.close(1000);
    this.#on.over(problem, reason);
  }
}
