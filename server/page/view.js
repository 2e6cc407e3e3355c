/** The fixed parts of the page, painted from the call's state. */

import { byId, element } from "./dom.js";
import { Phase, clockText } from "./state.js";

export class View {
  call = byId("call");
  hangup = byId("hangup");
  mute = byId("mute");
  camera = byId("camera");
  screen = byId("screen");
  agent = byId("agent");
  microphone = byId("microphone");
  composer = byId("composer");
  text = byId("text");
  sound = byId("sound");
  #announcer = byId("announcer");

  /** Paints everything that follows from the state. @param {import("./state.js").CallState} state */
  paint(state, { emptyTranscript }) {
    const { label, hint } = state.words;
    document.body.dataset.phase = state.phase;
    byId("state").dataset.state = state.shown;
    setText(byId("state-label"), label);
    setText(byId("hint"), state.muted && state.active ? "You are muted." : hint);
    this.call.hidden = state.active;
    this.hangup.hidden = !state.active;
    setText(this.hangup.querySelector("span"), state.phase === Phase.CONNECTING ? "Cancel" : "Hang up");
    this.mute.hidden = state.phase !== Phase.LIVE;
    this.mute.setAttribute("aria-pressed", String(state.muted));
    setText(this.mute.querySelector("span"), state.muted ? "Unmute" : "Mute");
    this.mute.querySelector("use").setAttribute("href", state.muted ? "#icon-mic-off" : "#icon-mic");
    document.body.toggleAttribute("data-muted", state.muted && state.active);
    this.agent.disabled = state.active;
    this.composer.hidden = state.phase !== Phase.LIVE;
    byId("timer").hidden = state.phase === Phase.IDLE || state.phase === Phase.CONNECTING;
    if (!state.active) byId("line").hidden = true;
    byId("empty").hidden = !emptyTranscript;
    document.title = state.active ? `${label} · livegraph` : "livegraph";
  }

  /** Offers to show something to an agent that looks, and shows what is shown. */
  pictures(state, camera, possible) {
    const live = state.phase === Phase.LIVE && possible;
    byId("pictures").hidden = !live;
    this.screen.hidden = !("getDisplayMedia" in (navigator.mediaDevices ?? {}));
    this.camera.setAttribute("aria-pressed", String(camera.shows === "camera"));
    this.screen.setAttribute("aria-pressed", String(camera.shows === "screen"));
    const shown = byId("shown");
    shown.hidden = camera.stream === null;
    if (shown.srcObject !== camera.stream) shown.srcObject = camera.stream;
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
  introduce({ name, title, description } = { name: "voice agent" }) {
    setText(byId("title"), title || named(name));
    setText(byId("description"), description ?? "");
  }

  /** Fills the choice of microphones. */
  microphones(microphones, chosen) {
    const options = [element("option", { value: "" }, "Default microphone")];
    for (const { id, name } of microphones) options.push(element("option", { value: id }, name));
    this.microphone.replaceChildren(...options);
    this.microphone.value = microphones.some(({ id }) => id === chosen) ? chosen : "";
  }

  /** Says which Live API answers: the local simulator or a real one. */
  live(name) {
    byId("live").hidden = !name;
    setText(byId("live"), name ?? "");
  }

  /** How the line is: the round trip, and what of either side's sound is lost. */
  line({ round_trip_ms: trip, lost_by_caller: down = 0, received_packets: came = 0, lost_packets: lost = 0 }) {
    const up = came + lost > 0 ? lost / (came + lost) : 0;
    const parts = [trip === null ? "" : `${Math.round(trip)} ms`, `${(100 * Math.max(up, down)).toFixed(1)} % lost`];
    setText(byId("line"), parts.filter(Boolean).join(" · "));
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

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** voice_agent -> Voice agent */
function named(name) {
  const words = name.replaceAll(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
