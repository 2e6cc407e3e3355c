/** Microphones, loudspeakers and cameras: opening, listing, and noticing that they come and go. */

import { CallProblem, microphoneProblem } from "./problems.js";
import { label } from "./words.js";

const PROCESSING = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
const DEVICE_KINDS = { microphone: "audioinput", speaker: "audiooutput", camera: "videoinput" };

/**
 * Opens a microphone, or the system's default one when that one is no longer there.
 * @param {string} [deviceId] "" for the default
 * @returns {Promise<MediaStream>}
 * @throws {CallProblem} insecure_origin, unsupported_browser, no_microphone, microphone_denied, microphone_busy
 */
export async function openMicrophone(deviceId = "") {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CallProblem(globalThis.isSecureContext ? "unsupported_browser" : "insecure_origin");
  }
  try {
    return await openSound(deviceId);
  } catch (error) {
    const missing = error?.name === "OverconstrainedError" || error?.name === "NotFoundError";
    if (!deviceId || !missing) throw microphoneProblem(error);
  }
  try {
    return await openSound("");
  } catch (error) {
    throw microphoneProblem(error);
  }
}

function openSound(deviceId) {
  const audio = deviceId ? { ...PROCESSING, deviceId: { exact: deviceId } } : PROCESSING;
  return navigator.mediaDevices.getUserMedia({ audio, video: false });
}

/**
 * The devices of one kind. Before the user has allowed one, browsers give neither ids nor names: the list is empty then.
 * @param {"microphone" | "speaker" | "camera"} kind
 * @returns {Promise<{id: string, name: string}[]>}
 */
export async function listDevices(kind) {
  const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return all
    .filter((device) => device.kind === DEVICE_KINDS[kind] && device.deviceId !== "" && device.deviceId !== "default")
    .map((device, index) => ({ id: device.deviceId, name: device.label || `${label(kind)} ${index + 1}` }));
}

/** Calls back whenever a device is plugged in or out. @param {() => void} callback @returns {() => void} stops that */
export function onDevicesChanged(callback) {
  navigator.mediaDevices?.addEventListener?.("devicechange", callback);
  return () => navigator.mediaDevices?.removeEventListener?.("devicechange", callback);
}

/** Releases what was opened, so that the browser's recording sign goes out. @param {MediaStream | null} stream */
export function release(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
