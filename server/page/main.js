/** Joins the parts: what the user does, what the call reports, and what the page shows. */

import { Call } from "./call.js";
import { Camera } from "./camera.js";
import * as devices from "./devices.js";
import { byId } from "./dom.js";
import { CallProblem, asProblem } from "./errors.js";
import { keepForReload, recall, remember, takeAfterReload } from "./memory.js";
import { Meters } from "./meter.js";
import { Notice } from "./notice.js";
import { FromServer } from "./protocol.js";
import { Signalling } from "./signalling.js";
import { CallState, Phase, clockText } from "./state.js";
import { Transcript } from "./transcript.js";
import { View } from "./view.js";
import { WakeLock } from "./wake.js";

const signalling = new Signalling();
const view = new View();
const state = new CallState();
const notice = new Notice(byId("problem"));
const meters = new Meters({ you: byId("meter-you"), agent: byId("meter-agent") }, byId("ribbon"));
const transcript = new Transcript(
  { list: byId("transcript"), scroller: byId("scroller"), latest: byId("latest") },
  { announce: (text) => view.announce(text), time: () => clockText(state.seconds(performance.now())) },
);
const wakeLock = new WakeLock();
const camera = new Camera(() => paint());

let agents = [];
let iceServers = [];
let call = null;
let stream = null;
let ticker = 0;

const paint = () => {
  view.paint(state, { emptyTranscript: transcript.isEmpty });
  view.pictures(state, camera, Boolean(call?.pictures));
};

// ---- before the call -------------------------------------------------------------------------------

async function loadAgents() {
  try {
    const [list, config] = await Promise.all([signalling.agents(), signalling.config()]);
    agents = Array.isArray(list.agents) ? list.agents : [];
    iceServers = Array.isArray(config.iceServers) ? config.iceServers : [];
    const wanted = [new URLSearchParams(location.search).get("agent"), recall("agent"), list.default];
    const chosen = wanted.find((name) => agents.some((agent) => agent.name === name)) ?? agents[0]?.name ?? "";
    view.agents(agents, chosen);
    introduce();
    resumeAfterReload();
  } catch (error) {
    fail(asProblem(error), { label: "Try again", run: () => void loadAgents() });
  }
}

function introduce() {
  view.introduce(chosenAgent());
}

function chosenAgent() {
  return agents.find((agent) => agent.name === view.agent.value);
}

async function loadMicrophones() {
  view.microphones(await devices.listMicrophones(), devices.chosenMicrophone());
}

// ---- the call --------------------------------------------------------------------------------------

async function dial(resume = "") {
  if (state.active) return;
  notice.hide();
  state.dial();
  transcript.clear(byId("title").textContent);
  view.tick(0);
  view.announce("Connecting");
  meters.start();
  paint();
  view.hangup.focus({ preventScroll: true });

  const dialled = new Call(signalling, {
    connected: () => {
      state.reach();
      paint();
    },
    sound: (sound) => void play(sound),
    message: (message) => receive(message),
    shaky: (shaky) => {
      state.shaky = shaky;
      view.announce(shaky ? "Reconnecting" : "Connected again");
      paint();
    },
    over: (problem) => over(problem),
  });
  call = dialled;
  let opened;
  try {
    opened = await devices.openMicrophone();
  } catch (error) {
    if (call === dialled) over(asProblem(error));
    return;
  }
  if (call !== dialled || !state.active) {
    devices.release(opened); // the user gave up while the browser was asking
    return;
  }
  state.offer();
  useMicrophone(opened);
  void loadMicrophones(); // their names are known now
  paint();
  await dialled.start({ stream: opened, agent: view.agent.value || undefined, iceServers, resume, sees: chosenAgent()?.sees });
}

/** A page that was reloaded in the middle of a call goes on with it. */
function resumeAfterReload() {
  const kept = takeAfterReload("call");
  if (kept === null) return;
  view.agent.value = kept.agent;
  void dial(kept.token);
}

function receive(message) {
  switch (message.type) {
    case FromServer.READY:
      view.live(message.live);
      established();
      break;
    case FromServer.STATE:
      established();
      state.agentIs(message.state);
      break;
    case FromServer.TRANSCRIPT:
      transcript.say(message);
      break;
    case FromServer.TOOL_CALL:
      transcript.toolCall(message);
      break;
    case FromServer.TOOL_RESULT:
      transcript.toolResult(message);
      break;
    case FromServer.TOOL_CANCELLED:
      transcript.toolCancelled(message);
      break;
    case FromServer.SPEECH:
      view.userSpeaks(Boolean(message.speaking));
      break;
    case FromServer.LINE:
      view.line(message);
      break;
    case FromServer.ERROR:
      notice.show(new CallProblem("agent_failed", { message: message.message, remedy: message.remedy }));
      break;
  }
  paint();
}

/** The agent is there: the first sign of life starts the clock. */
function established() {
  if (state.phase !== Phase.CONNECTING) return;
  state.connect(performance.now());
  view.announce("Connected");
  void wakeLock.hold();
  ticker = setInterval(() => view.tick(state.seconds(performance.now())), 250);
}

function over(problem) {
  if (!state.active) return;
  const hadFocus = document.activeElement === document.body || view.hangup.contains(document.activeElement)
    || [view.mute, view.text].includes(document.activeElement);
  clearInterval(ticker);
  state.end(performance.now(), problem !== null);
  view.tick(state.seconds(performance.now()));
  call = null;
  camera.stop();
  meters.stop(state.phase === Phase.ENDED);
  devices.release(stream);
  stream = null;
  view.sound.srcObject = null;
  view.userSpeaks(false);
  transcript.close();
  void wakeLock.release();
  notice.hide();
  paint();
  if (hadFocus) view.call.focus({ preventScroll: true });
  if (problem) fail(problem, problem.retry ? { label: "Call again", run: () => void dial() } : null);
  else view.announce("Call ended");
}

function fail(problem, action) {
  notice.show(problem, action);
}

// ---- sound -----------------------------------------------------------------------------------------

function useMicrophone(opened) {
  stream = opened;
  meters.attach("you", opened);
  const [track] = opened.getAudioTracks();
  track.enabled = !state.muted;
  track.onended = () => {
    if (stream === opened) void microphoneGone();
  };
}

/** The microphone in use was unplugged: go on with another one, or say that the agent cannot hear. */
async function microphoneGone() {
  try {
    await changeMicrophone("");
  } catch {
    notice.show(new CallProblem("microphone_lost"));
  }
}

async function changeMicrophone(deviceId) {
  const speaking = call;
  const opened = await devices.openMicrophone(deviceId);
  if (call !== speaking || speaking === null) {
    devices.release(opened);
    return;
  }
  const before = stream;
  await speaking.replaceTrack(opened.getAudioTracks()[0]);
  useMicrophone(opened);
  devices.release(before);
  if (notice.code === "microphone_lost") notice.hide();
}

async function play(sound) {
  meters.attach("agent", sound);
  view.sound.srcObject = sound;
  try {
    await view.sound.play();
  } catch (error) {
    if (error?.name !== "NotAllowedError") return; // the call ended meanwhile
    notice.show(new CallProblem("sound_blocked"), { label: "Play", run: () => void play(sound) });
  }
}

function toggleMute() {
  if (state.phase !== Phase.LIVE) return;
  state.muted = !state.muted;
  for (const track of stream?.getAudioTracks() ?? []) track.enabled = !state.muted;
  paint();
}

// ---- pictures --------------------------------------------------------------------------------------

async function show(what) {
  const shown = call;
  if (state.phase !== Phase.LIVE || shown === null) return;
  try {
    await camera.toggle(what, shown.pictures);
    if (["no_camera", "camera_denied"].includes(notice.code)) notice.hide();
  } catch (error) {
    notice.show(asProblem(error));
  }
  if (call !== shown) camera.stop(); // the call ended while the browser was asking
}

// ---- what the user does ----------------------------------------------------------------------------

view.call.addEventListener("click", () => void dial());
view.mute.addEventListener("click", toggleMute);
view.camera.addEventListener("click", () => void show("camera"));
view.screen.addEventListener("click", () => void show("screen"));

// "Hang up" appears where "Call" was: the second half of a double click, or a key held down, does not count.
view.hangup.addEventListener("click", (event) => {
  if (event.detail <= 1) hangUp();
});
view.hangup.addEventListener("keydown", (event) => {
  if (event.repeat) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
  if (state.active) hangUp();
  else notice.hide();
});

function hangUp() {
  if (stream === null) over(null); // the browser still asks for the microphone
  else call?.hangUp();
}

view.composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = view.text.value.trim();
  if (text === "" || !call?.sendText(text)) return;
  transcript.typed(text);
  view.text.value = "";
  paint();
});

view.agent.addEventListener("change", () => {
  remember("agent", view.agent.value);
  introduce();
});

view.microphone.addEventListener("change", () => {
  devices.chooseMicrophone(view.microphone.value);
  if (call === null || stream === null) return;
  changeMicrophone(view.microphone.value).catch((error) => notice.show(asProblem(error)));
});

devices.onDevicesChanged(() => void loadMicrophones());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible" || !state.active) return;
  meters.wake();
  if (state.phase === Phase.LIVE) void wakeLock.hold();
});
window.addEventListener("pagehide", () => {
  if (stream === null || call === null) {
    hangUp();
    return;
  }
  const agent = view.agent.value;
  const token = call.leave();
  if (token !== "") keepForReload("call", { token, agent });
});

paint();
void loadMicrophones();
void loadAgents();
