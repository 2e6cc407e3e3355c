/** How loud each side is. */

const FLOOR_DB = -60;

/** The level of one stream, 0 (silence) to 1 (full scale), on a scale of decibels. */
class LevelSource {
  #context;
  #source = null;
  #analyser;
  #samples;

  /** @param {AudioContext} context */
  constructor(context) {
    this.#context = context;
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
  }

  attach(stream) {
    this.detach();
    if (stream === null || stream.getAudioTracks().length === 0) return;
    this.#source = this.#context.createMediaStreamSource(stream);
    this.#source.connect(this.#analyser);
  }

  detach() {
    this.#source?.disconnect();
    this.#source = null;
  }

  read() {
    if (this.#source === null) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let power = 0;
    for (const x of this.#samples) power += x * x;
    const db = 10 * Math.log10(power / this.#samples.length + 1e-12);
    return Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
  }
}

/** The levels of a call's two sides, read whenever somebody wants to show them. */
export class Levels {
  #context = null;
  #sources = null;

  /** Begins. Must run inside the user's click: browsers hold sound back otherwise. */
  start() {
    this.stop();
    this.#context = new AudioContext({ latencyHint: "interactive" });
    void this.#context.resume();
    this.#sources = { you: new LevelSource(this.#context), agent: new LevelSource(this.#context) };
  }

  /** Listens to this stream from now on. @param {"you" | "agent"} side @param {MediaStream | null} stream */
  attach(side, stream) {
    this.#sources?.[side].attach(stream);
    this.wake(); // what a browser refuses to a page without a click it allows where there is a microphone
  }

  /** @returns {{you: number, agent: number}} each 0 to 1 */
  read() {
    if (this.#sources === null) return { you: 0, agent: 0 };
    return { you: this.#sources.you.read(), agent: this.#sources.agent.read() };
  }

  /** Mobile browsers stop sound when the page is hidden. */
  wake() {
    if (this.#context !== null && this.#context.state !== "running") void this.#context.resume();
  }

  stop() {
    this.#sources?.you.detach();
    this.#sources?.agent.detach();
    this.#sources = null;
    void this.#context?.close();
    this.#context = null;
  }
}
