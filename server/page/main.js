/** Joins the parts: what the user does, what the call reports, and what the page shows. */

import { Call, CallProblem, Phase, Signalling, asProblem, direction, label, language, listDevices, onDevicesChanged, speak } from "./client.js";
import { byId, translate } from "./dom.js";
import { Inputs } from "./inputs.js";
import { Inside } from "./inside.js";
import { keepForReload, recall, remember, takeAfterReload } from "./memory.js";
import { Meters } from "./meter.js";
import { MicrophoneTest } from "./microphone_test.js";
import { Notice } from "./notice.js";
import { Record, saveFile } from "./record.js";
import { Transcript } from "./transcript.js";
import { View } from "./view.js";
import { WakeLock } from "./wake.js";

const asked = new URLSearchParams(location.search);
speak(asked.get("lang") ?? "", ...navigator.languages);
Object.assign(document.documentElement, { lang: language(), dir: direction() });
translate();

// What stands behind # is sent to no server, and is in no log.
const secrets = new URLSearchParams(location.hash.replace(/^#/, ""));
const token = secrets.get("token") ?? secrets.get("ticket") ?? "";

const NO_MICROPHONE = ["microphone_lost", "microphone_revoked", "no_microphone", "microphone_busy", "microphone_denied"];

const transport = ["webrtc", "websocket"].find((way) => way === asked.get("transport")) ?? "auto";

const signalling = new Signalling(document.baseURI, token);
const view = new View();
const notice = new Notice(byId("problem"));
const inside = new Inside();
const inputs = new Inputs(byId("inputs"));
const meters = new Meters({ you: byId("meter-you"), agent: byId("meter-agent") }, byId("ribbon"));
const microphoneTest = new MicrophoneTest();
const record = new Record();
const transcript = new Transcript(
  { list: byId("transcript"), scroller: byId("scroller"), latest: byId("latest") },
  { announce: (text) => view.announce(text), seconds: () => call.seconds, record },
);
const wakeLock = new WakeLock();

let agents = [];
let call = new Call({ server: document.baseURI, token }); // none yet: what is shown before the first
let typing = false; // whether a call without a microphone is offered
let ticker = 0;

const paint = () => {
  view.paint(call, { emptyTranscript: transcript.isEmpty, typing });
  inputs.disable(call.active);
};

// ---- before the call -------------------------------------------------------------------------------

async function loadAgents() {
  try {
    const list = await signalling.agents();
    agents = Array.isArray(list.agents) ? list.agents : [];
    const wanted = [asked.get("agent"), recall("agent"), list.default];
    const chosen = wanted.find((name) => agents.some((agent) => agent.name === name)) ?? agents[0]?.name ?? "";
    view.agents(agents, chosen);
    introduce();
    resumeAfterReload();
  } catch (error) {
    notice.show(asProblem(error), { label: label("try_again"), run: () => void loadAgents() });
  }
}

function introduce() {
  const agent = chosenAgent();
  view.introduce(agent);
  inputs.ask(agent?.name ?? "", agent?.inputs ?? [], asked);
  paint();
}

function chosenAgent() {
  return agents.find((agent) => agent.name === view.agent.value);
}

async function loadDevices() {
  view.devices("microphone", await listDevices("microphone"), recall("microphone") ?? "");
  if ("setSinkId" in HTMLMediaElement.prototype) view.devices("speaker", await listDevices("speaker"), recall("speaker") ?? "");
}

// ---- the call --------------------------------------------------------------------------------------

async function dial({ resume = "", silent = false } = {}) {
  if (call.active || view.waits || !inputs.check()) return;
  microphoneTest.stop();
  notice.hide();
  typing = false;
  transcript.clear(view.name);
  view.tick(0);
  view.announce(label("connecting"));

  const agent = chosenAgent();
  const dialled = new Call({ server: document.baseURI, token, agent: agent?.name ?? "", inputs: inputs.values, transport });
  call = dialled;
  dialled.on("state", paint);
  dialled.on("connected", established);
  dialled.on("transcript", (said) => told(() => transcript.say(said)));
  dialled.on("tool", (use) => told(() => transcript.tool(use)));
  dialled.on("message", (message) => {
    if (message.type === "persona") told(() => transcript.persona(message));
    if (message.type === "transfer") told(() => transcript.transfer(message));
    if (message.type === "tool_progress") told(() => transcript.progress(message));
    if (message.type === "confirmed") told(() => transcript.confirmed(message));
  });
  dialled.on("speech", ({ speaking }) => view.userSpeaks(speaking));
  dialled.on("line", (line) => view.line(line));
  dialled.on("shown", paint);
  dialled.on("problem", (problem) => notice.show(problem));
  dialled.on("microphone_back", () => {
    if (NO_MICROPHONE.includes(notice.code)) notice.hide();
  });
  dialled.on("sound_blocked", () => {
    notice.show(new CallProblem("sound_blocked"), { label: label("play"), run: () => void dialled.play() });
  });
  dialled.on("ended", ({ problem }) => over(problem));
  announceShaking(dialled);
  inside.follow(dialled);
  void dialled.useSpeaker(recall("speaker") ?? "").catch(() => {}); // one that is gone: the default will do

  const audio = silent ? false : { deviceId: recall("microphone") ?? "" };
  const begun = dialled.start({ audio, video: Boolean(agent?.sees), resume });
  meters.start(() => dialled.levels);
  paint();
  view.hangup.focus({ preventScroll: true });
  await begun.catch(() => {}); // `over` has told why
}

/** Says aloud that the line shakes, and that it is well again. */
function announceShaking(dialled) {
  let shaky = false;
  dialled.on("state", ({ state }) => {
    if (shaky === (state === "reconnecting")) return;
    shaky = !shaky;
    if (dialled.active) view.announce(label(shaky ? "reconnecting" : "connected_again"));
  });
}

/** A page that was reloaded in the middle of a call goes on with it. */
function resumeAfterReload() {
  const kept = takeAfterReload("call");
  if (kept === null) return;
  view.agent.value = kept.agent;
  introduce();
  void dial({ resume: kept.token, silent: kept.silent });
}

function told(show) {
  show();
  paint();
}

/** The agent is there. */
function established({ live, transport: way }) {
  view.live(live);
  view.announce(way === "websocket" ? `${label("connected")}. ${label("by_websocket")}` : label("connected"));
  void wakeLock.hold();
  void loadDevices(); // their names are known now
  ticker = setInterval(() => view.tick(call.seconds), 250);
}

function over(problem) {
  const focused = document.activeElement;
  const hadFocus = focused === document.body || view.hangup.contains(focused) || [view.mute, view.text].includes(focused);
  clearInterval(ticker);
  view.tick(call.seconds);
  meters.stop();
  view.userSpeaks(false);
  transcript.close();
  void wakeLock.release();
  void loadDevices();
  notice.hide();
  typing = problem?.typing ?? false;
  view.callAgain(call.phase === Phase.ENDED || (problem?.retry ?? false), problem?.retryAfter);
  paint();
  if (hadFocus) view.call.focus({ preventScroll: true });
  if (problem) notice.show(problem);
  else view.announce(label("ended"));
}

/** What may fail without the end of the call: the notice goes when it works again. */
async function attempt(codes, act) {
  const during = call;
  try {
    await act(during);
    if (codes.includes(notice.code)) notice.hide();
  } catch (error) {
    if (call === during) notice.show(asProblem(error));
  }
}

// ---- what the user does ----------------------------------------------------------------------------

view.call.addEventListener("click", () => void dial());
view.type.addEventListener("click", () => void dial({ silent: true }));
view.mute.addEventListener("click", toggleMute);
for (const what of ["camera", "screen"]) {
  view[what].addEventListener("click", () => {
    void attempt(["no_camera", "camera_denied"], (during) => during.show(during.shown === what ? "" : what));
  });
}

function toggleMute() {
  if (call.phase === Phase.LIVE) call.muted = !call.muted;
}

// "Hang up" appears where "Call" was: the second half of a double click, or a key held down, does not count.
view.hangup.addEventListener("click", (event) => {
  if (event.detail <= 1) call.hangUp();
});
view.hangup.addEventListener("keydown", (event) => {
  if (event.repeat) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const writes = event.target instanceof Element && event.target.closest("input, textarea, select") !== null;
  if (event.key === "Escape") {
    if (writes) event.target.blur(); // out of the field, not out of the call
    else if (call.active) call.hangUp();
    else notice.hide();
  } else if (event.key.toLowerCase() === "m" && !writes && !event.repeat) {
    toggleMute();
  }
});

view.composer.addEventListener("submit", (event) => {
  event.preventDefault();
  if (call.send(view.text.value)) view.text.value = "";
});

view.agent.addEventListener("change", () => {
  remember("agent", view.agent.value);
  introduce();
});

view.microphone.addEventListener("change", () => {
  remember("microphone", view.microphone.value);
  if (call.active) void attempt(NO_MICROPHONE, (during) => during.useMicrophone(view.microphone.value));
  else if (microphoneTest.running) void testMicrophone();
});

view.speaker.addEventListener("change", () => {
  remember("speaker", view.speaker.value);
  void attempt(["no_speaker"], (during) => during.useSpeaker(view.speaker.value));
});

view.test.addEventListener("click", () => {
  if (microphoneTest.running) microphoneTest.stop();
  else void testMicrophone();
});

async function testMicrophone() {
  try {
    await microphoneTest.start(recall("microphone") ?? "");
    void loadDevices();
  } catch (error) {
    notice.show(asProblem(error));
  }
}

// ---- what the user takes along ---------------------------------------------------------------------

const fileName = (ending) => `${view.agent.value || "call"}-${new Date().toISOString().slice(0, 16).replace(":", "")}.${ending}`;

async function copy(text, button, done) {
  await navigator.clipboard.writeText(text);
  view.announce(label(done));
  const said = button.querySelector("span");
  const before = said.dataset.say;
  said.textContent = label(done);
  setTimeout(() => (said.textContent = label(before)), 2_000);
}

byId("copy").addEventListener("click", (event) => {
  void attempt([], () => copy(record.text({ you: label("you") }), event.currentTarget ?? byId("copy"), "copied"));
});
byId("save-text").addEventListener("click", () => saveFile(fileName("txt"), "text/plain", record.text({ you: label("you") })));
byId("save-json").addEventListener("click", () => saveFile(fileName("json"), "application/json", record.json()));
byId("link").addEventListener("click", () => {
  const url = new URL(location.pathname, location.href);
  url.search = String(new URLSearchParams({ agent: view.agent.value, ...inputs.inAddress }));
  void attempt([], () => copy(url.href, byId("link"), "link_copied"));
});

// ---- what happens around the page ------------------------------------------------------------------

onDevicesChanged(() => void loadDevices());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible" || !call.active) return;
  call.wake();
  if (call.phase === Phase.LIVE) void wakeLock.hold();
});
window.addEventListener("pagehide", () => {
  microphoneTest.stop();
  const silent = call.microphone === null;
  const agent = view.agent.value;
  const kept = call.leave();
  if (kept !== "") keepForReload("call", { token: kept, agent, silent });
});

paint();
void loadDevices();
void loadAgents();
