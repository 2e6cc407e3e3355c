/** The camera or the screen, shown to an agent that looks: a few pictures a second, for it looks once. */

import { CallProblem } from "./problems.js";

const CAMERA_PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 5, max: 15 } };
const SCREEN_PICTURE = { frameRate: { ideal: 3, max: 10 } };
const ENCODING = { maxFramerate: 5, maxBitrate: 800_000 };

/** Agrees on pictures in an offer; none are sent until `show` has something. @returns {RTCRtpSender} */
export function offerPictures(pc) {
  const { sender } = pc.addTransceiver("video", { direction: "sendonly", sendEncodings: [ENCODING] });
  return sender;
}

export class Pictures {
  #stream = null;
  #sender = null;
  #changed;

  /** @param {() => void} changed the user, or the browser, has started or stopped showing something */
  constructor(changed) {
    this.#changed = changed;
  }

  /** "camera", "screen", or "" */
  shows = "";

  /** What is shown, for the user to see too. */
  get stream() {
    return this.#stream;
  }

  /** Shows `what` through `sender` from now on, "" for nothing. @throws {CallProblem} */
  async show(what, sender) {
    if (this.shows === what) return;
    this.stop();
    if (what === "" || sender === null) return;
    const opened = await openPicture(what);
    const [track] = opened.getVideoTracks();
    track.contentHint = "detail"; // sharp rather than smooth
    try {
      await sender.replaceTrack(track);
    } catch (error) {
      for (const each of opened.getTracks()) each.stop();
      if (error?.name === "InvalidStateError") return; // the call ended meanwhile
      throw error;
    }
    this.#stream = opened;
    this.#sender = sender;
    this.shows = what;
    track.onended = () => this.stop(); // the browser's own button, or the plug
    this.#changed();
  }

  /** Shows nothing any more. */
  stop() {
    if (this.#stream === null) return;
    for (const track of this.#stream.getTracks()) track.stop();
    this.#sender?.replaceTrack(null).catch(() => {}); // a closed connection shows nothing anyway
    this.#stream = this.#sender = null;
    this.shows = "";
    this.#changed();
  }
}

async function openPicture(what) {
  try {
    return what === "screen"
      ? await navigator.mediaDevices.getDisplayMedia({ video: SCREEN_PICTURE, audio: false })
      : await navigator.mediaDevices.getUserMedia({ video: CAMERA_PICTURE, audio: false });
  } catch (error) {
    throw new CallProblem(error?.name === "NotAllowedError" ? "camera_denied" : "no_camera");
  }
}
