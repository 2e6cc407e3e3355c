/** The microphone of one call: opened, exchanged, gone and found again. Whoever has it closes it. */

import { onDevicesChanged, openMicrophone, release } from "./devices.js";
import { CallProblem } from "./problems.js";

export class Microphone {
  #on;
  #stream = null;
  #own = false; // whether it was opened here, and is closed here
  #muted = false;
  #asked = 0;
  #closed = false;
  #stops = []; // what looks whether one is there again

  /**
   * @param {{use: (stream: MediaStream) => void, exchange: (track: MediaStreamTrack) => Promise<void>,
   *   gone: (problem: CallProblem) => void, back: () => void}} on
   *   use: this is the one from now on. exchange: the line takes another track.
   *   gone: the agent hears nothing any more. back: it does again
   */
  constructor(on) {
    this.#on = on;
  }

  /** What is heard; `null` for a caller who types. */
  get stream() {
    return this.#stream;
  }

  /** @param {boolean} muted whether nothing of it is to be heard */
  set muted(muted) {
    this.#muted = muted;
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  /** @param {boolean | {deviceId?: string} | MediaStream} audio as `Call.start` takes it @throws {CallProblem} */
  async open(audio) {
    if (audio === false) return;
    const given = audio instanceof MediaStream;
    const wanted = typeof audio === "object" && !given ? audio.deviceId ?? "" : "";
    const opened = given ? audio : await openMicrophone(wanted);
    if (!this.#closed) this.#use(opened, !given);
    else if (!given) release(opened); // the user gave up while the browser was asking
  }

  /** Another one takes its place; of several that are asked for at once the last. @throws {CallProblem} */
  async exchange(deviceId) {
    if (this.#stream === null) return;
    const asked = ++this.#asked;
    const opened = await openMicrophone(deviceId);
    if (this.#closed || asked !== this.#asked) {
      release(opened);
      return;
    }
    await this.#on.exchange(opened.getAudioTracks()[0]);
    if (this.#own) release(this.#stream);
    const wasGone = this.#stops.length > 0;
    this.#stopLooking();
    this.#use(opened, true);
    if (wasGone) this.#on.back();
  }

  close() {
    this.#closed = true;
    this.#stopLooking();
    if (this.#own) release(this.#stream);
    this.#stream = null;
  }

  #use(stream, own) {
    this.#stream = stream;
    this.#own = own;
    const [track] = stream.getAudioTracks();
    track.enabled = !this.#muted;
    track.onended = () => {
      if (this.#stream === stream) void this.#ended();
    };
    this.#on.use(stream);
  }

  /** It was unplugged, or the browser may not listen any more: another one, or the same when it is there again. */
  async #ended() {
    try {
      await this.exchange("");
    } catch (problem) {
      if (this.#closed) return;
      this.#look();
      this.#on.gone(new CallProblem(problem.code === "microphone_denied" ? "microphone_revoked" : "microphone_lost"));
    }
  }

  #look() {
    if (this.#stops.length > 0) return;
    const again = () => void this.exchange("").catch(() => {}); // not this time
    this.#stops.push(onDevicesChanged(again));
    const leave = navigator.permissions?.query({ name: "microphone" });
    leave?.then(
      (status) => {
        if (this.#closed || this.#stops.length === 0) return;
        status.addEventListener("change", again);
        this.#stops.push(() => status.removeEventListener("change", again));
      },
      () => {}, // a browser that knows no such permission
    );
  }

  #stopLooking() {
    for (const stop of this.#stops.splice(0)) stop();
  }
}
