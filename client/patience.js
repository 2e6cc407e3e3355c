/** How long something has been waited for, as far as this page was there to see it. */

/**
 * A machine or browser that stands still for a while (a phone in a pocket, a laptop that was shut) holds the page up together with
 * what it waits for: of the time between two looks no more is counted than is usual between them.
 */
export class Patience {
  #mostMs;
  #lookedAt = performance.now();
  #waitedMs = 0;

  /** @param {number} mostMs counts at most between two looks */
  constructor(mostMs) {
    this.#mostMs = mostMs;
  }

  /** Looks. @param {boolean} came whether something has come since the last look @returns {number} ms that it was waited for */
  look(came) {
    const now = performance.now();
    this.#waitedMs = came ? 0 : this.#waitedMs + Math.min(now - this.#lookedAt, this.#mostMs);
    this.#lookedAt = now;
    return this.#waitedMs;
  }
}
