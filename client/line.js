/** The line of a call, whatever carries it: a peer connection, or a WebSocket where that does not come about. */

import { Connection } from "./connection.js";
import { CallProblem } from "./problems.js";
import { SocketLine } from "./socket.js";

const TRY_AGAIN_MS = 600_000; // a network where the call did not come about is tried anew after so long

let blockedUntil = 0; // until when a peer connection is not worth waiting for, on this page

globalThis.addEventListener?.("online", () => (blockedUntil = 0));
globalThis.navigator?.connection?.addEventListener?.("change", () => (blockedUntil = 0));

/**
 * See `Connection`: the same options, events and methods. With `"auto"` the call is made over a WebSocket when no packet of a
 * peer connection gets through, or when the browser has none.
 */
export class Line {
  #signalling;
  #on;
  #transport;
  #carrier = null;
  #way = "";

  /**
   * @param {import("./signalling.js").Signalling} signalling
   * @param {"auto" | "webrtc" | "websocket"} transport
   * @param {import("./connection.js").ConnectionEvents & {detour: () => void}} on
   *   detour: nothing gets through, and the WebSocket is tried
   */
  constructor(signalling, transport, on) {
    this.#signalling = signalling;
    this.#transport = transport;
    this.#on = on;
  }

  /** What carries the call: "webrtc", "websocket", or "" before it is tried. */
  get way() {
    return this.#way;
  }

  async start(options) {
    const able = "RTCPeerConnection" in globalThis;
    if (this.#transport === "webrtc" && !able) throw new CallProblem("unsupported_browser");
    const alone = this.#transport === "websocket";
    if (alone || (this.#transport === "auto" && !options.resume && (!able || performance.now() < blockedUntil))) {
      await this.#bySocket(options, this.#on.over);
      return;
    }
    const mayDetour = this.#transport === "auto" && !options.resume;
    const connection = new Connection(this.#signalling, {
      ...this.#on,
      over: (problem, reason) => {
        if (mayDetour && problem?.code === "no_path") void this.#detour(connection.pcId, options, problem);
        else this.#on.over(problem, reason);
      },
    });
    this.#carrier = connection;
    this.#way = "webrtc";
    await connection.start({ ...options, impatient: mayDetour });
  }

  /** Nothing got through. The socket stands in for the offer `instead`, whose place and ticket it takes. */
  async #detour(instead, options, problem) {
    this.#on.detour();
    blockedUntil = performance.now() + TRY_AGAIN_MS;
    await this.#bySocket({ ...options, instead }, (later, reason) => {
      const alike = later?.code === "server_unreachable";
      if (alike) blockedUntil = 0;
      if (instead !== null) void this.#signalling.hangUp(instead); // where the socket did not come so far
      // Where there is no WebSocket either, the first reason is the one that helps.
      this.#on.over(alike ? problem : later, reason);
    });
  }

  async #bySocket(options, over) {
    const line = new SocketLine(this.#signalling, { ...this.#on, over });
    this.#carrier = line;
    this.#way = "websocket";
    await line.start(options);
  }

  get isOpen() {
    return this.#carrier?.isOpen ?? false;
  }

  send(type, fields) {
    return this.#carrier?.send(type, fields) ?? false;
  }

  async replaceTrack(track) {
    await this.#carrier?.replaceTrack(track);
  }

  get pictures() {
    return this.#carrier?.pictures ?? null;
  }

  wake() {
    this.#carrier?.wake();
  }

  leave() {
    return this.#carrier?.leave() ?? "";
  }

  hangUp() {
    this.#carrier?.hangUp();
  }
}
