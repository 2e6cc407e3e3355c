/** The server's HTTP side: which agents there are, and offer, candidates and goodbye of one call. */

import { CallProblem, responseProblem } from "./errors.js";

const DEADLINE_MS = 10_000;

/** The token or ticket of `#token=...`: what stands behind # is sent to no server, and is in no log. */
function tokenOf(hash) {
  const found = new URLSearchParams(hash.replace(/^#/, ""));
  return found.get("token") ?? found.get("ticket") ?? "";
}

/** All addresses are relative to the page, so that it also works below a path of a proxy. */
export class Signalling {
  #base;
  #token;

  /**
   * @param {string} [base] the page's own address
   * @param {string} [token] what shows who calls
   */
  constructor(base = document.baseURI, token = tokenOf(location.hash)) {
    this.#base = base;
    this.#token = token;
  }

  /** @returns {Promise<{agents: {name: string, title?: string, description?: string}[], default?: string}>} */
  async agents() {
    return await this.#json("GET", "api/agents");
  }

  /** @returns {Promise<{iceServers?: RTCIceServer[]}>} */
  async config() {
    return await this.#json("GET", "api/config");
  }

  /**
   * @param {{sdp: string, type: string, agent?: string, pc_id?: string, resume?: string}} offer
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
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
    } catch {
      const offline = navigator.onLine === false;
      throw new CallProblem("server_unreachable", offline ? { message: "This device is offline." } : {});
    }
    if (!response.ok) throw await responseProblem(response);
    return response;
  }
}
