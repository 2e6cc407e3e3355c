/** `<livegraph-call>`: a button that calls an agent, and a panel with the conversation, for any page. */

import { Call } from "./call.js";
import { CallProblem, asProblem } from "./problems.js";
import { clockText } from "./state.js";
import { direction, label, language, speak, words } from "./words.js";

const LEVEL_MS = 100;
const MOST_LINES = 200;

const STYLE = `
:host { display: inline-block; --accent: var(--livegraph-accent, #0b6b58); --on-accent: var(--livegraph-on-accent, #fff);
  --surface: var(--livegraph-surface, #fff); --ink: var(--livegraph-ink, #14211c); --soft: var(--livegraph-soft, #54645d);
  --edge: var(--livegraph-edge, #85958d); --mine: var(--livegraph-mine, #e1f1ec); --danger: var(--livegraph-danger, #b12b24);
  --round: var(--livegraph-radius, 14px); font: var(--livegraph-font, 400 1rem/1.45 system-ui, sans-serif); color: var(--ink); }
:host([hidden]), [hidden] { display: none !important; }
button, input { font: inherit; color: inherit; }
button { min-height: 44px; padding: 0 18px; border: 1px solid var(--edge); border-radius: var(--round); background: var(--surface); cursor: pointer; }
button.go { border-color: transparent; background: var(--accent); color: var(--on-accent); font-weight: 600; }
button.stop { border-color: transparent; background: var(--danger); color: #fff; font-weight: 600; }
button[aria-pressed="true"] { border-color: var(--danger); color: var(--danger); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.panel { display: flex; flex-direction: column; gap: 12px; box-sizing: border-box; width: var(--livegraph-width, min(24rem, 92vw));
  padding: 16px; border: 1px solid var(--edge); border-radius: var(--round); background: var(--surface); }
.top { display: flex; justify-content: space-between; gap: 12px; font-weight: 600; }
.time { color: var(--soft); font-weight: 400; font-variant-numeric: tabular-nums; }
.levels { display: grid; grid-template-columns: 1fr 1fr; gap: 8px; }
.levels i { height: 4px; border-radius: 2px; background: linear-gradient(var(--accent), var(--accent)) 0 / calc(100% * var(--level, 0)) 100% no-repeat, color-mix(in srgb, var(--edge) 35%, transparent); }
.log { max-height: var(--livegraph-height, 16rem); overflow-y: auto; }
ol { display: flex; flex-direction: column; gap: 8px; margin: 0; padding: 0; list-style: none; }
li { max-width: 90%; overflow-wrap: anywhere; }
li[data-role="user"] { align-self: flex-end; padding: 6px 12px; border-radius: 14px; background: var(--mine); }
li[data-final="false"], li.tool { color: var(--soft); }
.row { display: flex; flex-wrap: wrap; gap: 8px; }
.row button { flex: 1; }
form { display: flex; gap: 8px; }
input { flex: 1; min-width: 0; min-height: 44px; box-sizing: border-box; padding: 0 14px; border: 1px solid var(--edge); border-radius: var(--round); background: transparent; }
.problem { margin: 0; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
`;

const PARTS = `
<button part="button" class="go call" type="button"></button>
<section part="panel" class="panel" hidden>
  <div class="top"><span class="state" role="status"></span><span class="time"></span></div>
  <div class="levels" aria-hidden="true"><i class="you"></i><i class="agent"></i></div>
  <div part="transcript" class="log" role="log" tabindex="0"><ol></ol></div>
  <p part="problem" class="problem" role="alert" hidden></p>
  <form><input type="text" maxlength="4000" autocomplete="off" enterkeyhint="send"><button type="submit" class="send"></button></form>
  <div class="row">
    <button type="button" class="mute" aria-pressed="false"></button>
    <button type="button" class="stop hang-up"></button>
    <button type="button" class="again go"></button>
    <button type="button" class="close"></button>
  </div>
</section>`;

// On a server, where pages may be made beforehand, there are no elements.
const Element = globalThis.HTMLElement ?? class {};

/** See `index.d.ts` and the page about clients for its attributes, properties and events. */
export class LivegraphCall extends Element {
  static observedAttributes = ["lang", "label"];

  tools = {};
  #call = null;
  #parts = null;
  #lines = new Map();
  #timer = 0;

  get call() {
    return this.#call;
  }

  connectedCallback() {
    if (this.#parts === null) this.#build();
    this.#paint();
  }

  /** Moved within the page it goes on; taken out of it, it hangs up. */
  disconnectedCallback() {
    queueMicrotask(() => {
      if (!this.isConnected) this.hangUp();
    });
  }

  attributeChangedCallback() {
    if (this.#parts !== null) this.#paint();
  }

  /** Calls. @param {import("./index.js").StartOptions} [options] */
  async start(options = {}) {
    if (this.#call?.active) return;
    const inputs = objectIn(this.getAttribute("inputs") || "{}");
    if (inputs === null) throw new TypeError(`<livegraph-call>: inputs is no JSON object: ${this.getAttribute("inputs")}`);
    this.#clear();
    const call = new Call({
      server: this.getAttribute("server") ?? undefined,
      agent: this.getAttribute("agent") ?? "",
      token: this.getAttribute("token") ?? "",
      transport: this.getAttribute("transport") ?? "auto",
      inputs,
      tools: this.tools,
    });
    this.#call = call;
    call.on("state", () => this.#paint());
    call.on("transcript", (said) => this.#say(said));
    call.on("tool", (use) => this.#tool(use));
    call.on("problem", (problem) => this.#problem(problem));
    call.on("microphone_back", () => this.#settle("microphone_lost", "microphone_revoked"));
    call.on("sound_blocked", () => {
      this.#problem(new CallProblem("sound_blocked"));
      const play = () => {
        this.#settle("sound_blocked");
        void call.play();
      };
      this.addEventListener("click", play, { once: true });
    });
    call.on("ended", ({ problem }) => {
      if (problem) this.#problem(problem);
    });
    for (const name of ["connected", "transcript", "tool", "problem", "ended"]) {
      call.on(name, (detail) => this.dispatchEvent(new CustomEvent(`call-${name}`, { detail, bubbles: true, composed: true })));
    }
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tick(), LEVEL_MS);
    const typing = this.hasAttribute("typing");
    const begun = call.start({ audio: !typing, ...options });
    this.#paint();
    this.#parts.hangUp.focus({ preventScroll: true });
    await begun;
  }

  hangUp() {
    this.#call?.hangUp();
  }

  #build() {
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet(); // not a <style>: pages may forbid those
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    root.append(document.createRange().createContextualFragment(PARTS));
    const find = (selector) => root.querySelector(selector);
    this.#parts = {
      call: find(".call"), panel: find(".panel"), state: find(".state"), time: find(".time"), you: find(".you"),
      agent: find(".agent"), log: find(".log"), list: find("ol"), problem: find(".problem"), form: find("form"), text: find("input"),
      send: find(".send"), mute: find(".mute"), hangUp: find(".hang-up"), again: find(".again"), close: find(".close"),
    };
    const begin = () => void this.start().catch((error) => {
      if (!(error instanceof TypeError)) return; // the panel tells
      console.error(error.message);
    });
    this.#parts.call.addEventListener("click", begin);
    this.#parts.again.addEventListener("click", begin);
    this.#parts.hangUp.addEventListener("click", (event) => {
      if (event.detail <= 1) this.hangUp(); // the second half of a double click on "Call" does not count
    });
    this.#parts.mute.addEventListener("click", () => {
      if (this.#call) this.#call.muted = !this.#call.muted;
    });
    this.#parts.close.addEventListener("click", () => {
      this.#call = null;
      this.#paint();
      this.#parts.call.focus();
    });
    this.#parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#call?.send(this.#parts.text.value)) this.#parts.text.value = "";
    });
  }

  /** The words that follow are in this element's language: another one of the page may speak another. */
  #speak() {
    const chosen = this.closest("[lang]")?.getAttribute("lang");
    speak(...(chosen ? [chosen] : navigator.languages));
  }

  #paint() {
    const parts = this.#parts;
    this.#speak();
    parts.panel.dir = parts.call.dir = direction();
    parts.panel.lang = parts.call.lang = language();
    const call = this.#call;
    const live = call?.phase === "live";
    const title = this.getAttribute("label") || label("call");
    parts.call.textContent = title;
    parts.call.hidden = call !== null;
    parts.panel.hidden = call === null;
    parts.panel.setAttribute("aria-label", label("conversation"));
    parts.log.setAttribute("aria-label", label("transcript"));
    parts.text.placeholder = label("type_to_agent");
    parts.text.setAttribute("aria-label", label("type_to_agent"));
    parts.send.textContent = label("send");
    parts.form.hidden = !live;
    parts.mute.hidden = !live || call.microphone === null;
    parts.mute.textContent = label(call?.muted ? "unmute" : "mute");
    parts.mute.setAttribute("aria-pressed", String(Boolean(call?.muted)));
    parts.hangUp.textContent = label(call?.phase === "connecting" ? "cancel" : "hang_up");
    const over = call !== null && !call.active;
    const focused = this.shadowRoot.activeElement;
    parts.hangUp.hidden = over;
    parts.again.hidden = parts.close.hidden = !over;
    parts.again.textContent = label("call_again");
    parts.close.textContent = label("close");
    if (over && [parts.hangUp, parts.mute, parts.text].includes(focused)) parts.again.focus({ preventScroll: true });
    const way = live && call.transport === "websocket" ? " · WebSocket" : "";
    const said = call === null ? "" : words().states[call.said][0] + way;
    if (parts.state.textContent !== said) parts.state.textContent = said;
    if (call?.active && parts.problem.dataset.kind !== "warning") parts.problem.hidden = true;
    this.#tick();
  }

  #tick() {
    const call = this.#call;
    if (!call?.active) clearInterval(this.#timer);
    const levels = call?.levels ?? { you: 0, agent: 0 };
    this.#parts.you.style.setProperty("--level", levels.you.toFixed(2));
    this.#parts.agent.style.setProperty("--level", levels.agent.toFixed(2));
    const time = call && call.phase !== "connecting" ? clockText(call.seconds) : "";
    if (this.#parts.time.textContent !== time) this.#parts.time.textContent = time;
  }

  #clear() {
    this.#lines.clear();
    this.#parts.list.replaceChildren();
    this.#parts.problem.hidden = true;
  }

  #say({ role, text, final, utterance, interrupted }) {
    const key = `${role}:${utterance}`;
    if (!text.trim()) {
      if (final) this.#drop(key);
      return;
    }
    const line = this.#line(key, { role, final: String(final) });
    this.#speak();
    line.textContent = text.trim() + (interrupted ? ` (${label("interrupted")})` : "");
    this.#parts.log.scrollTop = this.#parts.log.scrollHeight;
  }

  #tool({ id, name, status }) {
    const line = this.#line(`tool:${id}`, { tool: name });
    line.className = "tool";
    this.#speak();
    line.textContent = label("tool_said", { name, status: label(`tool_${status}`) });
  }

  #line(key, data) {
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = document.createElement("li");
      line.dir = "auto";
      this.#lines.set(key, line);
      this.#parts.list.append(line);
      if (this.#lines.size > MOST_LINES) this.#drop(this.#lines.keys().next().value);
    }
    Object.assign(line.dataset, data);
    return line;
  }

  #drop(key) {
    this.#lines.get(key)?.remove();
    this.#lines.delete(key);
  }

  #problem(error) {
    const problem = asProblem(error);
    this.#parts.problem.textContent = [problem.title, problem.message, problem.remedy].filter(Boolean).join(" · ");
    this.#parts.problem.dataset.kind = problem.kind;
    this.#parts.problem.dataset.problem = problem.code;
    this.#parts.problem.hidden = false;
  }

  /** What one of these codes told is over. */
  #settle(...codes) {
    if (codes.includes(this.#parts.problem.dataset.problem)) this.#parts.problem.hidden = true;
  }
}

/** A text as the JSON object that it may be; null for what is none. */
function objectIn(text) {
  try {
    const found = JSON.parse(text);
    return typeof found === "object" && !Array.isArray(found) ? found : null;
  } catch {
    return null;
  }
}

if (globalThis.customElements && !customElements.get("livegraph-call")) customElements.define("livegraph-call", LivegraphCall);
