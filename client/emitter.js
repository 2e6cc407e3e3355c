/** Who wants to hear of what. */

export class Emitter {
  #listeners = new Map();

  /**
   * Calls `listener` with each event of this name, from now on.
   * @param {string} name
   * @param {(detail: any) => void} listener
   * @returns {() => void} stops that
   */
  on(name, listener) {
    if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
    this.#listeners.get(name).add(listener);
    return () => void this.#listeners.get(name).delete(listener);
  }

  /** A listener that fails is told of in the console, and stops neither the call nor the others. */
  emit(name, detail) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(detail);
      } catch (error) {
        console.error(`a listener of "${name}" failed:`, error);
      }
    }
  }
}
