/** The conversation as it happens: both sides' words, with the tool calls where they happened. */

import { element, icon } from "./dom.js";

const MOST_ENTRIES = 500;
const LONGEST_VALUE = 20_000;
const NEAR_END_PX = 48;

const TOOL_WORDS = { running: "Running", ok: "Done", failed: "Failed", cancelled: "Cancelled" };

export class Transcript {
  #list;
  #scroller;
  #latest;
  #announce;
  #time;
  #entries = new Map(); // "user:3" or "tool:abc" -> li
  #names = { user: "You", agent: "Agent" };
  #typed = 0;
  #pinned = true;

  /**
   * @param {{list: HTMLElement, scroller: HTMLElement, latest: HTMLElement}} elements
   * @param {{announce: (text: string) => void, time: () => string}} tools announce: tells screen readers;
   *   time: how long the call lasts, as text
   */
  constructor({ list, scroller, latest }, { announce, time }) {
    this.#list = list;
    this.#scroller = scroller;
    this.#latest = latest;
    this.#announce = announce;
    this.#time = time;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    latest.addEventListener("click", () => this.#follow(true));
    new ResizeObserver(() => this.#follow()).observe(scroller);
  }

  /** Starts over for a new call. */
  clear(agentName) {
    this.#names.agent = agentName;
    this.#entries.clear();
    this.#list.replaceChildren();
    this.#pinned = true;
    this.#latest.hidden = true;
  }

  get isEmpty() {
    return this.#list.childElementCount === 0;
  }

  /** Shows a "transcript" message; its text replaces what the same utterance showed before. */
  say({ role, text, final, turn, utterance, interrupted }) {
    if (role !== "user" && role !== "agent") return;
    const key = `${role}:${utterance ?? `turn-${turn ?? this.#list.childElementCount}`}`;
    const words = String(text ?? "").trim();
    if (words === "") {
      if (final) this.#remove(key); // it was no speech after all
      return;
    }
    const entry = this.#entries.get(key) ?? this.#add(key, this.#utterance(role, turn, utterance));
    entry.dataset.final = String(Boolean(final));
    if (interrupted) entry.dataset.interrupted = "true";
    entry.querySelector(".text").textContent = words;
    if (final) this.#announce(`${this.#names[role]}: ${words}`);
    this.#follow();
  }

  /** Shows what the user typed. */
  typed(text) {
    this.#typed += 1;
    const utterance = `typed-${this.#typed}`;
    const entry = this.#add(`user:${utterance}`, this.#utterance("user", undefined, utterance));
    entry.dataset.final = "true";
    entry.dataset.typed = "true";
    entry.querySelector(".text").textContent = text;
    this.#follow(true);
  }

  /** Shows a "tool_call" message. */
  toolCall({ id, name, args }) {
    const entry = this.#tool(id, name);
    entry.querySelector(".brief").textContent = brief(args);
    this.#detail(entry, "Arguments", args);
    this.#status(entry, "running");
  }

  /** Shows a "tool_result" message at its call. */
  toolResult({ id, name, ok, result, duration_ms: duration }) {
    const entry = this.#tool(id, name);
    this.#detail(entry, ok ? "Result" : "Fault", result);
    this.#status(entry, ok ? "ok" : "failed", duration);
    this.#announce(`Tool ${name}: ${ok ? "done" : "failed"}`);
  }

  /** Shows a "tool_cancelled" message at its call. */
  toolCancelled({ id, name }) {
    this.#status(this.#tool(id, name), "cancelled");
    this.#announce(`Tool ${name}: cancelled`);
  }

  /** The call is over: nothing is in the making any more. */
  close() {
    for (const entry of this.#list.children) {
      if (entry.dataset.final === "false") entry.dataset.final = "true";
      if (entry.dataset.status === "running") this.#status(entry, "cancelled");
    }
  }

  #utterance(role, turn, utterance) {
    const entry = element("li", { class: "entry", "data-role": role, "data-final": "false" });
    if (turn !== undefined) entry.dataset.turn = String(turn);
    if (utterance !== undefined) entry.dataset.utterance = String(utterance);
    const who = element("p", { class: "who" }, element("span", { class: "name" }, this.#names[role]));
    who.append(element("span", { class: "at" }, this.#time()));
    entry.append(who, element("p", { class: "text", dir: "auto" }));
    return entry;
  }

  #tool(id, name) {
    const key = `tool:${id}`;
    const known = this.#entries.get(key);
    if (known) return known;
    const summary = element("summary", {}, icon("tool"), element("code", { class: "tool-name" }, String(name)));
    summary.append(element("span", { class: "brief" }), element("span", { class: "tool-status" }), icon("chevron"));
    const entry = element("li", { class: "entry tool", "data-tool": String(name), "data-call": String(id) });
    entry.append(element("details", {}, summary, element("dl")));
    return this.#add(key, entry);
  }

  #detail(entry, title, value) {
    const body = element("pre", { tabindex: "0", "aria-label": title }, pretty(value));
    entry.querySelector("dl").append(element("dt", {}, title), element("dd", {}, body));
    this.#follow();
  }

  #status(entry, status, duration) {
    const took = Number.isFinite(duration) ? ` in ${durationText(duration)}` : "";
    entry.dataset.status = status;
    entry.querySelector(".tool-status").textContent = TOOL_WORDS[status] + took;
  }

  #add(key, entry) {
    this.#entries.set(key, entry);
    this.#list.append(entry);
    if (this.#entries.size > MOST_ENTRIES) this.#remove(this.#entries.keys().next().value);
    this.#follow();
    return entry;
  }

  #remove(key) {
    this.#entries.get(key)?.remove();
    this.#entries.delete(key);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#pinned = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    this.#latest.hidden = this.#pinned;
  }

  /** Keeps the newest words in sight, unless the reader has scrolled back. */
  #follow(force = false) {
    if (force) this.#pinned = true;
    if (this.#pinned) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }
}

function pretty(value) {
  const text = typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "nothing");
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}\n… (cut)` : text;
}

/** Arguments on one line: `day: "Monday", hour: 9`. */
function brief(args) {
  if (args === null || typeof args !== "object") return "";
  const pairs = Object.entries(args).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return pairs.join(", ").slice(0, 200);
}

function durationText(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
