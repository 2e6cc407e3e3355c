/** Small choices kept between visits. A browser that forbids storage just forgets. */

const PREFIX = "livegraph.";

/** @returns {string | null} */
export function recall(key) {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

/** @param {string} value "" forgets */
export function remember(key, value) {
  try {
    if (value === "") localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch {
    // Private mode or blocked storage: nothing depends on it.
  }
}
