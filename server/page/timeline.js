/** Who did what in the last half minute: the user, the agent, the tools, and how long each answer took. */

import { label } from "./client.js";

const SHOWN_MS = 30_000;
const ROWS = ["you", "agent", "tools"];
const ROW_PX = 22;

export class Timeline {
  #canvas;
  #pen;
  #spans = []; // {row, from, to: null while it lasts, cut}
  #open = new Map(); // what lasts, by what it is
  #asked = null; // when the user fell silent
  #answers = []; // {at, ms}
  #frame = 0;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext("2d");
    canvas.height = ROWS.length * ROW_PX;
  }

  /** How long the last answer took, in milliseconds; `null` before the first. */
  get lastAnswerMs() {
    return this.#answers.at(-1)?.ms ?? null;
  }

  clear() {
    this.#spans = [];
    this.#open.clear();
    this.#answers = [];
    this.#asked = null;
  }

  /** The server hears the user, or no longer. */
  userSpeaks(speaking) {
    if (speaking) this.#begin("you", "you");
    else this.#end("you");
    this.#asked = speaking ? null : performance.now();
  }

  /** The agent is in another state. */
  agentIs(state) {
    if (state === "speaking") {
      const now = performance.now();
      if (this.#asked !== null) this.#answers.push({ at: now, ms: Math.round(now - this.#asked) });
      this.#asked = null;
      this.#begin("agent", "agent");
    } else {
      this.#end("agent", state === "interrupted");
    }
  }

  tool({ id, status }) {
    if (status === "running") this.#begin("tools", id);
    else this.#end(id, status !== "ok");
  }

  #begin(row, key) {
    if (this.#open.has(key)) return;
    const span = { row, from: performance.now(), to: null, cut: false };
    this.#open.set(key, span);
    this.#spans.push(span);
  }

  #end(key, cut = false) {
    const span = this.#open.get(key);
    if (span === undefined) return;
    Object.assign(span, { to: performance.now(), cut });
    this.#open.delete(key);
  }

  /** Draws on every frame while the panel is open. */
  start() {
    this.stop();
    const draw = () => {
      this.#draw(performance.now());
      this.#frame = requestAnimationFrame(draw);
    };
    draw();
  }

  stop() {
    cancelAnimationFrame(this.#frame);
  }

  #draw(now) {
    const width = this.#canvas.clientWidth;
    if (this.#canvas.width !== width) this.#canvas.width = width;
    const pen = this.#pen;
    const style = getComputedStyle(this.#canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    const colours = { you: colour("--you"), agent: colour("--agent"), tools: colour("--amber") };
    this.#spans = this.#spans.filter(({ to }) => to === null || now - to < SHOWN_MS);
    this.#answers = this.#answers.filter(({ at }, i) => now - at < SHOWN_MS || i === this.#answers.length - 1);
    pen.clearRect(0, 0, width, this.#canvas.height);
    pen.font = `11px ${style.fontFamily}`;
    pen.textAlign = "left"; // time runs to the right whichever way words do
    const x = (time) => Math.max(0, width * (1 - (now - time) / SHOWN_MS));
    for (const { row, from, to, cut } of this.#spans) {
      const y = ROWS.indexOf(row) * ROW_PX + 4;
      pen.fillStyle = colours[row];
      pen.fillRect(x(from), y, Math.max(2, x(to ?? now) - x(from)), ROW_PX - 8);
      if (!cut) continue;
      pen.fillStyle = colour("--red");
      pen.fillRect(x(to) - 2, y - 2, 3, ROW_PX - 4);
    }
    pen.fillStyle = colour("--ink-soft");
    for (const { at, ms } of this.#answers) pen.fillText(`${ms} ms`, x(at) + 4, ROW_PX * 2 - 8);
    pen.fillText(label("you"), 2, ROW_PX - 8);
    pen.fillText(label("agent"), 2, 2 * ROW_PX - 8);
    pen.fillText(label("tools"), 2, 3 * ROW_PX - 8);
  }
}
