/** The server's HTTP side: which agents there are, and offer, candidates and goodbye of one call. */

import { CallProblem, responseProblem } from "./problems.js";

const REQUEST_DEADLINE_MS = 10_000;

/** All addresses are relative to the server's, so that it also works below a path of a proxy. */
export class Signalling {
  #base;
  #token;

  /**
   * @param {string | URL} base the server's address, with its path if it has one, ending in a slash
   * @param {string} [token] what shows who calls
   */
  constructor(base, token = "") {
    this.#base = base;
    this.#token = token;
  }

  /** What shows who calls; "" where nothing has to. */
  get token() {
    return this.#token;
  }

  /** The address of something else that the server has. @param {string} path @param {{socket?: boolean}} [how] */
  address(path, { socket = false } = {}) {
    const url = new URL(path, this.#base);
    if (socket) url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return url;
  }

  /** @returns {Promise<{agents: import("./index.js").AgentInfo[], default?: string}>} */
  async agents() {
    return await this.#json("GET", "api/agents");
  }

  /** @returns {Promise<{iceServers?: RTCIceServer[]}>} */
  async config() {
    return await this.#json("GET", "api/config");
  }

  /**
   * @param {{sdp: string, type: string, agent?: string, inputs?: object, pc_id?: string, resume?: string}} offer
   *   pc_id: of the call that it renegotiates. resume: the token of a call to go on with, "" for a new one.
   * @returns {Promise<{sdp: string, type: string, pc_id: string, resume?: string}>} resume: good for one more offer
   * @throws {CallProblem} refused, agent_unknown, full, server_error, server_unreachable
   */
  async offer(offer) {
    return await this.#json("POST", "api/offer", offer);
  }

  /** Adds candidates found after the offer. A call that is gone is no fault here: its connection says so. */
  async trickle(pcId, candidates) {
    await this.#request("PATCH", "api/offer", { pc_id: pcId, candidates });
  }

  /**
   * Says goodbye; works while the page is being closed. Never throws: there is nobody left to tell.
   * @param {{resumes?: boolean}} [how] resumes: the page may be back in a moment
   */
  async hangUp(pcId, { resumes = false } = {}) {
    const url = new URL(`api/offer/${encodeURIComponent(pcId)}${resumes ? "?resumes=1" : ""}`, this.#base);
    try {
      await fetch(url, { method: "DELETE", keepalive: true });
    } catch {
      // The server is gone, or notices by itself that the peer is.
    }
  }

  async #json(method, path, body) {
    const response = await this.#request(method, path, body);
    try {
      return await response.json();
    } catch {
      throw new CallProblem("server_error", { message: "Its answer made no sense: is this livegraph's server?" });
    }
  }

  async #request(method, path, body) {
    let response;
    try {
      response = await fetch(new URL(path, this.#base), {
        method,
        headers: {
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...(this.#token ? { Authorization: `Bearer ${this.#token}` } : {}),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store",
        signal: AbortSignal.timeout(REQUEST_DEADLINE_MS),
      });
    } catch {
      throw new CallProblem(navigator.onLine === false ? "offline" : "server_unreachable");
    }
    if (!response.ok) throw await responseProblem(response);
    return response;
  }
}
