/** A look at the microphone before the call: does it hear anything? */

import { Levels, label, openMicrophone, release } from "./client.js";
import { byId, setText } from "./dom.js";
import { showLevel } from "./meter.js";

const HEARD = 0.3; // speech is well above this, a quiet room below
const SILENT_MS = 5_000;

export class MicrophoneTest {
  #levels = new Levels();
  #stream = null;
  #frame = 0;
  #wanted = 0;

  /** Whether it runs. */
  get running() {
    return this.#stream !== null;
  }

  /** Starts with this microphone. @throws {CallProblem} it does not open */
  async start(deviceId) {
    this.stop();
    const wanted = ++this.#wanted;
    this.#levels.start();
    let opened;
    try {
      opened = await openMicrophone(deviceId);
    } catch (error) {
      this.#levels.stop();
      throw error;
    }
    if (wanted !== this.#wanted) {
      release(opened); // stopped while the browser was asking
      return;
    }
    this.#stream = opened;
    this.#levels.attach("you", opened);
    byId("test-result").hidden = false;
    byId("test").setAttribute("aria-pressed", "true");
    setText(byId("test-said"), label("test_hint"));
    this.#watch(performance.now(), false);
  }

  #watch(since, heard) {
    const { you } = this.#levels.read();
    showLevel(byId("meter-test"), you);
    const now = heard || you > HEARD;
    if (now && !heard) setText(byId("test-said"), label("test_good"));
    if (!now && performance.now() - since > SILENT_MS) setText(byId("test-said"), label("test_silent"));
    this.#frame = requestAnimationFrame(() => this.#watch(since, now));
  }

  stop() {
    this.#wanted += 1;
    cancelAnimationFrame(this.#frame);
    this.#levels.stop();
    release(this.#stream);
    this.#stream = null;
    byId("test-result").hidden = true;
    byId("test").setAttribute("aria-pressed", "false");
  }
}
