/** How loud each side is: an analyser per side, a bar per side, and the ribbon of the last seconds. */

const FLOOR_DB = -60;
const FALL_PER_S = 1.6; // how fast a bar sinks after a sound, in full scales per second
const STEP_MS = 60; // one stroke of the ribbon
const STROKE_PX = 3;
const GAP_PX = 3;

/** The level of one stream, 0 (silence) to 1 (full scale), on a scale of decibels. */
export class LevelSource {
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

  /** Listens to this stream instead of the one before. */
  attach(stream) {
    this.detach();
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

/** Both meters of a page: reads the levels on every animation frame while a call runs. */
export class Meters {
  #bars;
  #ribbon;
  #sources = null;
  #context = null;
  #levels = { you: 0, agent: 0 };
  #frame = 0;
  #last = 0;

  /**
   * @param {{you: HTMLElement, agent: HTMLElement}} bars elements with role=meter; get data-level 0..100
   * @param {HTMLCanvasElement} canvas the ribbon
   */
  constructor(bars, canvas) {
    this.#bars = bars;
    this.#ribbon = new Ribbon(canvas);
  }

  /** Starts over for a new call. Must run inside the user's click: browsers hold sound back otherwise. */
  start() {
    this.stop();
    this.#context = new AudioContext({ latencyHint: "interactive" });
    void this.#context.resume();
    this.#sources = { you: new LevelSource(this.#context), agent: new LevelSource(this.#context) };
    this.#ribbon.clear();
    this.#last = performance.now();
    this.#frame = requestAnimationFrame((now) => this.#tick(now));
  }

  /** @param {"you" | "agent"} side */
  attach(side, stream) {
    this.#sources?.[side].attach(stream);
  }

  /** Mobile browsers stop sound when the page is hidden. */
  wake() {
    if (this.#context?.state !== "running") void this.#context?.resume();
  }

  /** @param {boolean} [keep] whether the ribbon goes on showing the end of the call */
  stop(keep = true) {
    if (!keep) this.#ribbon.sleep();
    cancelAnimationFrame(this.#frame);
    this.#sources?.you.detach();
    this.#sources?.agent.detach();
    this.#sources = null;
    void this.#context?.close();
    this.#context = null;
    this.#show("you", 0);
    this.#show("agent", 0);
  }

  #tick(now) {
    const passed = Math.min(0.25, (now - this.#last) / 1000);
    this.#last = now;
    for (const side of ["you", "agent"]) {
      const fallen = this.#levels[side] - FALL_PER_S * passed;
      this.#show(side, Math.max(this.#sources[side].read(), fallen, 0));
    }
    this.#ribbon.push(this.#levels, now);
    this.#frame = requestAnimationFrame((next) => this.#tick(next));
  }

  #show(side, level) {
    this.#levels[side] = level;
    const percent = String(Math.round(level * 100));
    const bar = this.#bars[side];
    if (bar.dataset.level === percent) return;
    bar.dataset.level = percent;
    bar.setAttribute("aria-valuenow", percent);
    bar.style.setProperty("--level", level.toFixed(3));
  }
}

/** The last seconds of both voices as strokes from a middle line: the user above it, the agent below. */
class Ribbon {
  #canvas;
  #pen;
  #strokes = []; // newest last: [you, agent], each 0..1
  #peak = [0, 0];
  #since = 0;
  #asleep = true; // no call yet: a drawn conversation stands for the ones to come
  #still = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(canvas) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext("2d");
    new ResizeObserver(() => this.#fit()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw(1));
  }

  clear() {
    this.#asleep = false;
    this.#strokes = [];
    this.#peak = [0, 0];
    this.#since = 0;
    this.#draw(1);
  }

  sleep() {
    this.#asleep = true;
    this.#draw(1);
  }

  push({ you, agent }, now) {
    if (this.#still.matches) return; // the bars show the levels; nothing has to travel
    if (this.#since === 0) this.#since = now;
    this.#peak = [Math.max(this.#peak[0], you), Math.max(this.#peak[1], agent)];
    while (now - this.#since >= STEP_MS) {
      this.#strokes.push(this.#peak);
      this.#peak = [you, agent];
      this.#since = Math.max(this.#since + STEP_MS, now - 10 * STEP_MS); // a sleeping tab skips ahead
    }
    const most = Math.ceil(this.#canvas.clientWidth / (STROKE_PX + GAP_PX)) + 2;
    if (this.#strokes.length > most) this.#strokes.splice(0, this.#strokes.length - most);
    this.#draw((now - this.#since) / STEP_MS);
  }

  #fit() {
    const scale = Math.min(3, window.devicePixelRatio || 1);
    this.#canvas.width = Math.round(this.#canvas.clientWidth * scale);
    this.#canvas.height = Math.round(this.#canvas.clientHeight * scale);
    this.#pen.setTransform(scale, 0, 0, scale, 0, 0);
    this.#draw(1);
  }

  #draw(travelled) {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const colours = getComputedStyle(this.#canvas);
    const [you, agent, rest] = ["--you", "--agent", "--rest"].map((name) => colours.getPropertyValue(name).trim());
    const pen = this.#pen;
    pen.clearRect(0, 0, width, height);
    const middle = height / 2;
    const reach = middle - 3;
    const pitch = STROKE_PX + GAP_PX;
    pen.globalAlpha = this.#asleep ? 0.35 : 1;
    for (let i = 0; i * pitch < width + pitch; i += 1) {
      const x = width - STROKE_PX - (i + Math.min(1, travelled) - 1) * pitch;
      const [up, down] = this.#asleep ? dreamt(i) : (this.#strokes[this.#strokes.length - 1 - i] ?? [0, 0]);
      stroke(pen, x, middle - 1.5, -shaped(up) * reach, up > 0.02 ? you : rest);
      stroke(pen, x, middle + 1.5, shaped(down) * reach, down > 0.02 ? agent : rest);
    }
  }
}

// A drawn conversation: who speaks for how many strokes, newest first, again and again.
const DREAM = [["you", 26], ["", 3], ["agent", 38], ["", 4], ["you", 15], ["", 3], ["agent", 24], ["", 5]];

/** The levels of stroke i of the drawn conversation. */
function dreamt(i) {
  let at = i % DREAM.reduce((sum, [, length]) => sum + length, 0);
  for (const [side, length] of DREAM) {
    if (at < length) {
      const phrase = Math.sin((Math.PI * (at + 0.5)) / length) ** 0.6;
      const syllable = 0.72 + 0.28 * Math.sin(i * 1.9) * Math.sin(i * 0.53);
      const level = 0.86 * phrase * syllable;
      return [side === "you" ? level : 0, side === "agent" ? level : 0];
    }
    at -= length;
  }
  return [0, 0];
}

/** Room noise stays low, speech stands out. */
function shaped(level) {
  return level ** 2.2;
}

function stroke(pen, x, y, length, colour) {
  const tall = Math.max(STROKE_PX * 0.6, Math.abs(length));
  pen.fillStyle = colour;
  pen.beginPath();
  pen.roundRect(x, length < 0 ? y - tall : y, STROKE_PX, tall, STROKE_PX / 2);
  pen.fill();
}
