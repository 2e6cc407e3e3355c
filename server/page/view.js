/** The fixed parts of the page, painted from the call's state. */

import { Phase, clockText, label, words } from "./client.js";
import { byId, element, setText } from "./dom.js";

export class View {
  call = byId("call");
  type = byId("type");
  hangup = byId("hangup");
  mute = byId("mute");
  camera = byId("camera");
  screen = byId("screen");
  agent = byId("agent");
  microphone = byId("microphone");
  speaker = byId("speaker");
  test = byId("test");
  composer = byId("composer");
  text = byId("text");
  #announcer = byId("announcer");
  #countdown = 0;
  #name = "";

  constructor() {
    // What scrolls can be scrolled by keyboard; what does not is no stop on the way.
    const stage = document.querySelector(".stage");
    const scrolls = new ResizeObserver(() => {
      if (stage.scrollHeight > stage.clientHeight) stage.tabIndex = 0;
      else stage.removeAttribute("tabindex");
    });
    for (const part of [stage, ...stage.children]) scrolls.observe(part);
  }

  /** Paints everything that follows from the state. @param {import("../../client/index.js").Call} call */
  paint(call, { emptyTranscript, typing }) {
    const [said, hint] = words().states[call.said];
    const { phase, active } = call;
    const live = phase === Phase.LIVE;
    document.body.dataset.phase = phase;
    byId("state").dataset.state = call.state;
    setText(byId("state-label"), said);
    setText(byId("hint"), call.muted && active ? label("muted") : call.unheard && live ? label("unheard") : hint);
    this.call.hidden = active;
    this.type.hidden = active || !typing;
    this.hangup.hidden = !active;
    setText(this.hangup.querySelector("span"), label(phase === Phase.CONNECTING ? "cancel" : "hang_up"));
    this.mute.hidden = !live || call.microphone === null;
    this.mute.setAttribute("aria-pressed", String(call.muted));
    setText(this.mute.querySelector("span"), label(call.muted ? "unmute" : "mute"));
    this.mute.querySelector("use").setAttribute("href", call.muted ? "#icon-mic-off" : "#icon-mic");
    document.body.toggleAttribute("data-muted", call.muted && active);
    document.body.toggleAttribute("data-typing", active && call.said !== "microphone" && call.microphone === null);
    this.agent.disabled = active;
    this.test.hidden = active;
    this.composer.hidden = !live;
    byId("keep").hidden = active || emptyTranscript;
    byId("timer").hidden = phase === Phase.IDLE || phase === Phase.CONNECTING;
    if (!active) byId("line").hidden = true;
    byId("way").hidden = !live || call.transport !== "websocket";
    byId("empty").hidden = !emptyTranscript;
    document.title = [active || phase === Phase.ENDED ? said : "", this.#name, "livegraph"].filter(Boolean).join(" · ");
    this.#pictures(call, live);
  }

  /** Offers to show something to an agent that looks, and shows what is shown. */
  #pictures(call, live) {
    byId("pictures").hidden = !live || !call.canShow;
    this.screen.hidden = !("getDisplayMedia" in (navigator.mediaDevices ?? {}));
    this.camera.setAttribute("aria-pressed", String(call.shown === "camera"));
    this.screen.setAttribute("aria-pressed", String(call.shown === "screen"));
    const shown = byId("shown");
    shown.hidden = call.picture === null;
    if (shown.srcObject !== call.picture) shown.srcObject = call.picture;
  }

  /** What the button says that calls: after a call that it calls again, and for so many seconds that it waits. */
  callAgain(again, waitS = 0) {
    clearInterval(this.#countdown);
    const until = performance.now() + waitS * 1000;
    const count = () => {
      const left = Math.ceil((until - performance.now()) / 1000);
      if (left <= 0) clearInterval(this.#countdown);
      // Not `disabled`: a button that loses the focus throws keyboard users back to the top of the page.
      this.call.setAttribute("aria-disabled", String(left > 0));
      const text = left > 0 ? label("call_in", { seconds: left }) : label(again ? "call_again" : "call");
      setText(this.call.querySelector("span"), text);
    };
    count();
    if (waitS > 0) this.#countdown = setInterval(count, 250);
  }

  /** Whether the button that calls still waits. */
  get waits() {
    return this.call.getAttribute("aria-disabled") === "true";
  }

  /** Shows how long the call lasts. */
  tick(seconds) {
    setText(byId("timer"), clockText(seconds));
  }

  /** Fills the choice of agents; one alone needs no choice. */
  agents(agents, chosen) {
    byId("agent-field").hidden = agents.length < 2;
    this.agent.replaceChildren(...agents.map(({ name, title }) => element("option", { value: name }, title || named(name))));
    this.agent.value = chosen;
  }

  /** Shows whom the caller will talk to, or talks to. */
  introduce({ name = "", title, description, live } = {}) {
    this.#name = title || named(name) || label("voice_agent");
    setText(byId("title"), this.#name);
    setText(byId("description"), description ?? "");
    this.live(live);
  }

  /** The agent's name as it is shown. */
  get name() {
    return this.#name;
  }

  /** Fills the choice of microphones, or of loudspeakers. @param {"microphone" | "speaker"} kind */
  devices(kind, devices, chosen) {
    const select = this[kind];
    const options = [element("option", { value: "" }, label(`default_${kind}`))];
    for (const { id, name } of devices) options.push(element("option", { value: id }, name));
    select.replaceChildren(...options);
    select.value = devices.some(({ id }) => id === chosen) ? chosen : "";
    if (kind === "speaker") byId("speaker-field").hidden = devices.length < 2;
  }

  /** Says which Live API answers: the local simulator or a real one. */
  live(name) {
    byId("live").hidden = !name;
    setText(byId("live"), name ?? "");
    if (name) byId("live").title = label("simulator", { live: name });
  }

  /** How the line is: the round trip, and what of either side's sound is lost. */
  line({ round_trip_ms: trip, lost_by_caller: down = 0, received_packets: came = 0, lost_packets: lost = 0 }) {
    const up = came + lost > 0 ? lost / (came + lost) : 0;
    const percent = (100 * Math.max(up, down)).toFixed(1);
    setText(byId("line"), [trip === null ? "" : `${Math.round(trip)} ms`, label("lost", { percent })].filter(Boolean).join(" · "));
    byId("line").hidden = false;
  }

  /** Whether the server hears the user's voice. */
  userSpeaks(speaking) {
    document.body.toggleAttribute("data-user-speaks", speaking);
  }

  /** Tells screen readers, when they have nothing else to say. */
  announce(text) {
    this.#announcer.textContent = text;
  }
}

/** voice_agent -> Voice agent */
function named(name) {
  const spaced = name.replaceAll(/[_-]+/g, " ").trim();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
