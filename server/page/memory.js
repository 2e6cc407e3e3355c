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

const RELOAD_MS = 10_000;

/** Keeps a value for the page that this one is being reloaded into; another tab does not see it. */
export function keepForReload(key, value) {
  try {
    sessionStorage.setItem(PREFIX + key, JSON.stringify({ value, at: Date.now() }));
  } catch {
    // As above.
  }
}

/** @returns {any} what was kept a moment ago, once; null otherwise */
export function takeAfterReload(key) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(PREFIX + key));
    sessionStorage.removeItem(PREFIX + key);
    return kept !== null && Date.now() - kept.at < RELOAD_MS ? kept.value : null;
  } catch {
    return null;
  }
}
