/** The conversation as it happens: both sides' words, with the tool calls where they happened. */

import { clockText, direction, label } from "./client.js";
import { element, icon } from "./dom.js";

const MOST_ENTRIES = 500;
const LONGEST_VALUE = 20_000;
const NEAR_END_PX = 48;

export class Transcript {
  #list;
  #scroller;
  #latest;
  #announce;
  #entries = new Map(); // "user:3" or "tool:abc" -> li
  #notes = 0;
  #agent = "";
  #record;
  #seconds;
  #pinned = true;

  /**
   * @param {{list: HTMLElement, scroller: HTMLElement, latest: HTMLElement}} elements
   * @param {{announce: (text: string) => void, seconds: () => number, record: import("./record.js").Record}} tools
   *   announce: tells screen readers; seconds: how long the call lasts; record: keeps it for the user to take along
   */
  constructor({ list, scroller, latest }, { announce, seconds, record }) {
    this.#list = list;
    this.#scroller = scroller;
    this.#latest = latest;
    this.#announce = announce;
    this.#seconds = seconds;
    this.#record = record;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    latest.addEventListener("click", () => this.#follow(true));
    new ResizeObserver(() => this.#follow()).observe(scroller);
  }

  /** Starts over for a new call. */
  clear(agentName) {
    this.#agent = agentName;
    this.#record.clear(agentName);
    this.#entries.clear();
    this.#list.replaceChildren();
    this.#pinned = true;
    this.#latest.hidden = true;
  }

  get isEmpty() {
    return this.#list.childElementCount === 0;
  }

  /** Shows what was said; its text replaces what the same utterance showed before. */
  say({ role, text, final, turn, utterance, interrupted, typed }) {
    if (role !== "user" && role !== "agent") return;
    const key = `${role}:${utterance ?? `turn-${turn ?? this.#list.childElementCount}`}`;
    const words = String(text ?? "").trim();
    if (words === "") {
      if (final) this.#remove(key); // it was no speech after all
      return;
    }
    const entry = this.#entries.get(key) ?? this.#add(key, this.#utterance(role, turn, utterance));
    entry.dataset.final = String(Boolean(final));
    if (typed) entry.dataset.typed = "true";
    if (interrupted) this.#cut(entry, "interrupted");
    entry.querySelector(".text").textContent = words;
    this.#record.note(key, this.#seconds(), { role, text: words, ...(typed && { typed }), ...(interrupted && { interrupted }) });
    if (final && !typed) this.#announce(`${this.#name(role)}: ${words}`);
    this.#follow(typed);
  }

  /** Shows that the agent uses a tool, or what became of it. */
  tool({ id, name, status, args, result, duration_ms: duration }) {
    const entry = this.#tool(id, name);
    if (status === "running") {
      entry.querySelector(".brief").textContent = brief(args);
      this.#detail(entry, label("arguments"), args);
    } else if (status !== "cancelled") {
      this.#detail(entry, label(status === "ok" ? "result" : "fault"), result);
    }
    this.#status(entry, status, duration);
    this.#record.note(`tool:${id}`, this.#seconds(), {
      tool: name, status, ...(args && { args }), ...(result !== undefined && { result }), ...(Number.isFinite(duration) && { duration_ms: duration }),
    });
    if (status !== "running") this.#announce(label("tool_said", { name, status: label(`tool_${status}`) }));
  }

  /** The call is over: nothing is in the making any more, and what was is marked as cut off. */
  close() {
    for (const [key, entry] of this.#entries) {
      if (entry.dataset.final === "false") {
        entry.dataset.final = "true";
        if (entry.dataset.role === "agent") {
          this.#cut(entry, "cut");
          this.#record.note(key, this.#seconds(), { interrupted: true });
        }
      }
      if (entry.dataset.status === "running") this.#status(entry, "cancelled");
    }
  }

  #cut(entry, how) {
    entry.dataset.interrupted = "true";
    entry.style.setProperty("--cut", JSON.stringify(label(how)));
  }

  #name(role) {
    return role === "user" ? label("you") : this.#agent;
  }

  #utterance(role, turn, utterance) {
    const entry = element("li", { class: "entry", "data-role": role, "data-final": "false" });
    if (turn !== undefined) entry.dataset.turn = String(turn);
    if (utterance !== undefined) entry.dataset.utterance = String(utterance);
    const who = element("p", { class: "who" }, element("span", { class: "name" }, this.#name(role)));
    who.append(element("span", { class: "at" }, clockText(this.#seconds())));
    entry.append(who, element("p", { class: "text", dir: "auto" }));
    return entry;
  }

  /** Shows who speaks from now on; who begins goes without saying. */
  persona({ persona, before }) {
    if (before) this.#note(label("handed_over", { persona, before }));
  }

  /** Shows that a human is to take over, and how to reach them. */
  transfer({ to, sip, number, callback }) {
    const text = this.#note(label(callback ? "calls_back" : "passed_on", { to }));
    const address = number ? `tel:${String(number).replace(/[^+0-9]/g, "")}` : String(sip ?? "");
    if (/^(tel:\+?[0-9]+|sips?:\S+)$/.test(address)) text.append(" ", element("a", { href: address }, String(number || sip)));
  }

  /** Shows how far a tool is that is at work. */
  progress({ id, name, text, fraction }) {
    const entry = this.#tool(id, name);
    const share = typeof fraction === "number" ? `${Math.round(100 * fraction)} %` : "";
    const far = [String(text ?? ""), share].filter(Boolean).join(" · ");
    if (far === "" || entry.dataset.status !== "running") return;
    entry.querySelector(".tool-status").textContent = far;
    this.#record.note(`tool:${id}`, this.#seconds(), { progress: far });
    this.#follow();
  }

  /** Shows what the caller has answered to the question whether a tool may be used. */
  confirmed({ name, agreed }) {
    this.#note(label(agreed ? "allowed" : "declined", { name }));
  }

  /** A line between what is said; returns where its words stand. */
  #note(words) {
    const key = `note:${this.#notes++}`;
    const text = element("p", { class: "text", dir: "auto" }, words);
    this.#add(key, element("li", { class: "entry note" }, text));
    this.#record.note(key, this.#seconds(), { note: words });
    this.#announce(words);
    return text;
  }

  #tool(id, name) {
    const key = `tool:${id}`;
    const known = this.#entries.get(key);
    if (known) return known;
    const summary = element("summary", {}, icon("tool"), element("code", { class: "tool-name" }, String(name)));
    summary.append(element("span", { class: "brief", dir: "ltr" }), element("span", { class: "tool-status" }), icon("chevron"));
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
    const word = label(`tool_${status}`);
    entry.dataset.status = status;
    entry.querySelector(".tool-status").textContent = Number.isFinite(duration) ? label("tool_took", { status: word, time: durationText(duration) }) : word;
  }

  #add(key, entry) {
    this.#entries.set(key, entry);
    this.#list.append(entry);
    if (this.#entries.size > MOST_ENTRIES) this.#forget(this.#entries.keys().next().value);
    this.#follow();
    return entry;
  }

  /** The page shows no more than so many entries; the record keeps them. */
  #forget(key) {
    this.#entries.get(key)?.remove();
    this.#entries.delete(key);
  }

  #remove(key) {
    this.#entries.get(key)?.remove();
    this.#entries.delete(key);
    this.#record.drop(key);
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
  const text = typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? label("nothing"));
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}\n… ${label("shortened")}` : text;
}

/** Arguments on one line: `day: "Monday", hour: 9`. */
function brief(args) {
  if (args === null || typeof args !== "object") return "";
  const pairs = Object.entries(args).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return pairs.join(", ").slice(0, 200);
}

function durationText(ms) {
  const text = ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
  // Within a sentence that runs from right to left too, the number stands before its unit.
  return direction() === "rtl" ? `\u2066${text}\u2069` : text;
}
