/** Microphones: opening one, listing them, and remembering the choice. */

import { CallProblem, microphoneProblem } from "./errors.js";
import { recall, remember } from "./memory.js";

const REMEMBERED = "microphone";
const PROCESSING = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };

/**
 * Opens the chosen microphone, or the system's default one when the chosen one is no longer there.
 * @param {string} [deviceId] "" for the default
 * @returns {Promise<MediaStream>}
 * @throws {CallProblem} insecure_origin, unsupported_browser, no_microphone, microphone_denied, microphone_busy
 */
export async function openMicrophone(deviceId = chosenMicrophone()) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CallProblem(window.isSecureContext ? "unsupported_browser" : "insecure_origin");
  }
  if (!("RTCPeerConnection" in window)) throw new CallProblem("unsupported_browser");
  try {
    return await open(deviceId);
  } catch (error) {
    const missing = error?.name === "OverconstrainedError" || error?.name === "NotFoundError";
    if (!deviceId || !missing) throw microphoneProblem(error);
  }
  try {
    return await open("");
  } catch (error) {
    throw microphoneProblem(error);
  }
}

function open(deviceId) {
  const audio = deviceId ? { ...PROCESSING, deviceId: { exact: deviceId } } : PROCESSING;
  return navigator.mediaDevices.getUserMedia({ audio, video: false });
}

/**
 * The microphones there are. Before the user has allowed one, browsers give neither ids nor names: the list
 * is empty then.
 * @returns {Promise<{id: string, name: string}[]>}
 */
export async function listMicrophones() {
  const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return all
    .filter((device) => device.kind === "audioinput" && device.deviceId !== "" && device.deviceId !== "default")
    .map((device, index) => ({ id: device.deviceId, name: device.label || `Microphone ${index + 1}` }));
}

/** Calls back whenever a device is plugged in or out. */
export function onDevicesChanged(callback) {
  navigator.mediaDevices?.addEventListener?.("devicechange", callback);
}

/** The remembered choice; "" is the system's default. */
export function chosenMicrophone() {
  return recall(REMEMBERED) ?? "";
}

/** Remembers the choice for the next visit. */
export function chooseMicrophone(deviceId) {
  remember(REMEMBERED, deviceId);
}

/** Releases a microphone, so that the browser's recording sign goes out. */
export function release(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
