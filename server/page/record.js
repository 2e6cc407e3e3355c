/** The conversation to take along: as text, and as JSON with tools and times. */

import { clockText } from "./client.js";

export class Record {
  #agent = "";
  #entries = new Map(); // in the order in which they began

  /** Starts over for a new call. @param {string} agent its title */
  clear(agent) {
    this.#agent = agent;
    this.#entries.clear();
  }

  /** Notes an entry of the transcript, or what became of it. @param {number} seconds since the call began */
  note(key, seconds, entry) {
    this.#entries.set(key, { at_s: seconds, ...this.#entries.get(key), ...entry });
  }

  drop(key) {
    this.#entries.delete(key);
  }

  /** @param {{you: string}} names of the two sides, the agent's is known */
  text({ you }) {
    const lines = [];
    for (const entry of this.#entries.values()) {
      const at = `[${clockText(entry.at_s)}]`;
      if (entry.tool) lines.push(`${at} (${entry.tool}: ${entry.status})`);
      else if (entry.note) lines.push(`${at} (${entry.note})`);
      else lines.push(`${at} ${entry.role === "user" ? you : this.#agent}: ${entry.text}${entry.interrupted ? " —" : ""}`);
    }
    return `${lines.join("\n")}\n`;
  }

  json() {
    return JSON.stringify({ agent: this.#agent, saved_at: new Date().toISOString(), entries: [...this.#entries.values()] }, null, 2);
  }
}

/** Hands a text to the user as a file. */
export function saveFile(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}
