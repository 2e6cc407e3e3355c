/** Keeps a phone's screen on during a call: a phone that sleeps takes the microphone away. */

export class WakeLock {
  #lock = null;

  /** Browsers drop the lock when the page is hidden: ask again when it is back. */
  async hold() {
    try {
      this.#lock = (await navigator.wakeLock?.request("screen")) ?? null;
    } catch {
      this.#lock = null; // low battery, or not allowed: the call works without
    }
  }

  async release() {
    const lock = this.#lock;
    this.#lock = null;
    await lock?.release();
  }
}
