/** "What happens": the inside of a running call, for those whom the server tells everything. */

import { Phase, clockText, label } from "./client.js";
import { byId, element, setText } from "./dom.js";
import { LiveGraph } from "./live_graph.js";
import { Timeline } from "./timeline.js";

const MOST_EVENTS = 100;
const NS_PER_MS = 1_000_000;

export class Inside {
  #call = null;
  #button = byId("details");
  #panel = byId("inside");
  #timeline = new Timeline(byId("timeline"));
  #graph = new LiveGraph(byId("graph"), byId("edges"));
  #tokens = 0;
  #cost = null;

  constructor() {
    byId("edge-heads").replaceChildren(...LiveGraph.heads());
    this.#button.addEventListener("click", () => this.#show(this.#panel.hidden));
  }

  /** Follows this call. @param {import("../../client/index.js").Call} call */
  follow(call) {
    this.#call = call;
    this.#timeline.clear();
    this.#tokens = 0;
    this.#cost = null;
    byId("events").replaceChildren();
    call.on("state", ({ state, phase }) => {
      this.#timeline.agentIs(state);
      this.#button.hidden = phase !== Phase.LIVE || call.report !== "full";
      if (phase === Phase.ENDED) this.#timeline.stop();
    });
    call.on("connected", () => {
      if (!this.#panel.hidden) this.#show(call.report === "full");
    });
    call.on("speech", ({ speaking }) => this.#timeline.userSpeaks(speaking));
    call.on("tool", (use) => this.#timeline.tool(use));
    call.on("graph", ({ svg, options }) => {
      this.#graph.draw(svg);
      this.#offer(options);
    });
    call.on("flow", ({ edges }) => {
      this.#graph.flow(edges);
      this.#figures();
    });
    call.on("usage", ({ total_tokens: tokens, call_cost_usd: cost }) => {
      this.#tokens += tokens;
      this.#cost = cost ?? this.#cost;
    });
    call.on("event", ({ kind, at_ms: atMs, text }) => this.#note(kind, atMs, text));
  }

  #show(shown) {
    this.#panel.hidden = !shown;
    document.body.toggleAttribute("data-inside", shown);
    this.#button.setAttribute("aria-expanded", String(shown));
    this.#call?.watch(shown);
    if (shown) this.#timeline.start();
    else this.#timeline.stop();
  }

  #figures() {
    const line = this.#call.line;
    const answer = this.#timeline.lastAnswerMs;
    const told = [answer === null ? "" : label("answer_after", { ms: answer })];
    if (line !== null) {
      if (line.round_trip_ms !== null) told.push(label("round_trip", { ms: Math.round(line.round_trip_ms) }));
      told.push(label("jitter", { ms: line.jitter_ms.toFixed(1) }), label("buffered", { ms: Math.round(line.buffer_ms ?? 0) }));
      told.push(...quality(line));
    }
    if (this.#tokens > 0) told.push(label("tokens", { count: this.#tokens }));
    if (this.#cost !== null) told.push(label("cost", { usd: this.#cost.toFixed(4) }));
    const list = byId("figures");
    const shown = told.filter(Boolean);
    while (list.children.length < shown.length) list.append(element("li"));
    while (list.children.length > shown.length) list.lastChild.remove();
    shown.forEach((text, i) => setText(list.children[i], text));
  }

  #offer(options) {
    const held = document.activeElement?.id;
    byId("options").replaceChildren(...options.map((option) => this.#control(option)));
    byId("options-title").hidden = options.length === 0;
    if (held) byId(held)?.focus({ preventScroll: true });
  }

  #control({ node, option, value, low, high, unit, doc }) {
    const id = `option-${node}-${option}`;
    const named = element("label", { for: id, dir: "ltr" }, `${node}.${option}`);
    const scale = unit === "ns" ? NS_PER_MS : 1;
    let input;
    if (typeof value === "boolean") {
      input = element("input", { type: "checkbox", id });
      input.checked = value;
    } else {
      const bounded = Number.isFinite(low) && Number.isFinite(high);
      input = element("input", { type: bounded ? "range" : "number", id, step: "any" });
      if (bounded) Object.assign(input, { min: String(low / scale), max: String(high / scale) });
      input.value = String(value / scale);
    }
    if (doc) input.title = doc;
    const shown = element("output", { for: id }, said(value, scale, unit));
    input.addEventListener("change", () => {
      const turned = typeof value === "boolean" ? input.checked : Number(input.value) * scale;
      this.#call.tune(node, option, Number.isInteger(value) && scale !== 1 ? Math.round(turned) : turned);
    });
    input.addEventListener("input", () => {
      if (typeof value !== "boolean") setText(shown, said(Number(input.value) * scale, scale, unit));
    });
    return element("div", { class: "option" }, named, input, shown);
  }

  #note(kind, atMs, text) {
    const list = byId("events");
    list.prepend(element("li", {}, element("span", { class: "at" }, clockText(Math.floor(atMs / 1000))), ` ${kind} ${text}`));
    if (list.children.length > MOST_EVENTS) list.lastChild.remove();
  }
}

/** How the sound is on both ways, for who wants to know. Lines other than WebRTC know less of it. */
function quality({ received_packets: came = 0, lost_packets: lost = 0, lost_by_caller: down = 0, ...line }) {
  const told = [];
  if (came + lost > 0) {
    const share = (part) => (100 * part).toFixed(1);
    told.push(label("lost_ways", { up: share(lost / (came + lost)), down: share(down) }));
  }
  if (line.recovered_packets > 0) told.push(label("recovered", { count: line.recovered_packets }));
  if (line.concealed_ms > 0) told.push(label("concealed", { ms: Math.round(line.concealed_ms) }));
  if (line.bit_rate > 0) {
    const [up, down] = [line.receive_bit_rate ?? 0, line.bit_rate].map((rate) => Math.round(rate / 1000));
    told.push(label("bit_rates", { up, down }));
  }
  if (line.late_beats > 0) told.push(label("late_beats", { count: line.late_beats }));
  if (line.complexity > 0) told.push(label("complexity", { level: line.complexity }));
  return told;
}

function said(value, scale, unit) {
  if (typeof value === "boolean") return label(value ? "yes" : "no");
  return unit === "ns" ? `${Math.round(value / scale)} ms` : `${Math.round(value * 1000) / 1000} ${unit}`.trim();
}
