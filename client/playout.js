/** The agent's voice from samples that come over a line which is no peer connection: played in order, forgotten on demand. */

import { CatchUp } from "./catchup.js";
import { Resampler, fromPcm } from "./resampler.js";

const LEAD_S = 0.04; // sound that begins waits so long, so that the next piece may be late
const FADE_S = 0.005;
const MOST_AHEAD_S = 10; // what a line may have sent before it is heard
const IN_TIME_S = 0.3; // the line sends 200 ms ahead: what waits longer was held back by the network, or by this page

/** A queue in front of the loudspeaker. The stream that it makes is played by whoever has it. */
export class Playout {
  #context;
  #target;
  #gain = null;
  #resampler = null;
  #catchUp = null;
  #rate;
  #sources = new Set();
  #marks = [];
  #end = 0; // where the next piece begins, in samples of the context
  #marked;

  /**
   * @param {AudioContext} context
   * @param {number} rate samples a second of what comes
   * @param {(name: string) => void} marked told when all that came before the mark of this name has been played
   */
  constructor(context, rate, marked) {
    this.#context = context;
    this.#rate = rate;
    this.#marked = marked;
    this.#target = context.createMediaStreamDestination();
    this.#begin();
  }

  /** What is heard. @returns {MediaStream} */
  get stream() {
    return this.#target.stream;
  }

  /** Plays this after all that came before. @param {ArrayBuffer} pcm 16 bits, little-endian */
  add(pcm) {
    const { currentTime, sampleRate, state } = this.#context;
    const lateS = this.#end / sampleRate - currentTime - IN_TIME_S;
    const samples = this.#resampler.process(this.#catchUp.shorten(fromPcm(pcm), lateS));
    // A browser that holds sound back until the user has clicked plays nothing, and nothing old afterwards.
    if (samples.length === 0 || state !== "running" || this.#end > (currentTime + MOST_AHEAD_S) * sampleRate) return;
    const buffer = this.#context.createBuffer(1, samples.length, sampleRate);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#gain);
    if (this.#end <= currentTime * sampleRate) this.#end = Math.ceil((currentTime + LEAD_S) * sampleRate);
    source.start(this.#end / sampleRate);
    this.#end += samples.length;
    this.#sources.add(source);
    source.onended = () => {
      this.#sources.delete(source);
      this.#tell();
    };
  }

  /** Tells when all that came before is played. @param {string} name */
  mark(name) {
    this.#marks.push({ name, end: this.#end });
    this.#tell();
  }

  /** Forgets what is not played yet, and the marks of it. */
  clear() {
    const { currentTime } = this.#context;
    this.#gain.gain.setValueAtTime(1, currentTime);
    this.#gain.gain.linearRampToValueAtTime(0, currentTime + FADE_S);
    for (const source of this.#sources) {
      source.onended = null;
      source.stop(currentTime + FADE_S);
    }
    this.#sources.clear();
    this.#marks = [];
    this.#end = 0;
    this.#begin();
  }

  close() {
    this.clear();
    for (const track of this.stream.getTracks()) track.stop();
  }

  #begin() {
    this.#resampler = new Resampler(this.#rate, this.#context.sampleRate);
    this.#catchUp = new CatchUp(this.#rate);
    this.#gain = new GainNode(this.#context);
    this.#gain.connect(this.#target);
  }

  #tell() {
    const played = this.#sources.size === 0 ? Infinity : this.#context.currentTime * this.#context.sampleRate;
    while (this.#marks.length > 0 && this.#marks[0].end <= played) this.#marked(this.#marks.shift().name);
  }
}
