/** How loud each side is: a bar per side, and the ribbon of the last seconds. */

const FALL_PER_S = 1.6; // how fast a bar sinks after a sound, in full scales per second
const STEP_MS = 60; // one stroke of the ribbon
const STROKE_PX = 3;
const GAP_PX = 3;

/** Both meters of a page: shows the levels on every animation frame while a call runs. */
export class Meters {
  #bars;
  #ribbon;
  #read = null;
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

  /** Starts over for a new call. @param {() => {you: number, agent: number}} read how loud both sides are */
  start(read) {
    this.stop();
    this.#read = read;
    this.#ribbon.clear();
    this.#last = performance.now();
    this.#frame = requestAnimationFrame((now) => this.#tick(now));
  }

  /** The call is over; the ribbon goes on showing its end. */
  stop() {
    cancelAnimationFrame(this.#frame);
    this.#read = null;
    this.#show("you", 0);
    this.#show("agent", 0);
  }

  #tick(now) {
    const passed = Math.min(0.25, (now - this.#last) / 1000);
    this.#last = now;
    const levels = this.#read();
    for (const side of ["you", "agent"]) {
      const fallen = this.#levels[side] - FALL_PER_S * passed;
      this.#show(side, Math.max(levels[side], fallen, 0));
    }
    this.#ribbon.push(this.#levels, now);
    this.#frame = requestAnimationFrame((next) => this.#tick(next));
  }

  #show(side, level) {
    this.#levels[side] = level;
    showLevel(this.#bars[side], level);
  }
}

/** Shows a level, 0 to 1, in an element with role=meter. */
export function showLevel(bar, level) {
  const percent = String(Math.round(level * 100));
  if (bar.dataset.level === percent) return;
  bar.dataset.level = percent;
  bar.setAttribute("aria-valuenow", percent);
  bar.style.setProperty("--level", level.toFixed(3));
}

/** The last seconds of both voices as strokes from a middle line: the user above it, the agent below. */
class Ribbon {
  #canvas;
  #pen;
  #strokes = []; // newest last: [you, agent], each 0..1
  #peak = [0, 0];
  #since = 0;
  #still = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(canvas) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext("2d");
    new ResizeObserver(() => this.#fit()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw(1));
  }

  clear() {
    this.#strokes = [];
    this.#peak = [0, 0];
    this.#since = 0;
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
    for (let i = 0; i * pitch < width + pitch; i += 1) {
      const x = width - STROKE_PX - (i + Math.min(1, travelled) - 1) * pitch;
      const [up, down] = this.#strokes[this.#strokes.length - 1 - i] ?? [0, 0];
      stroke(pen, x, middle - 1.5, -shaped(up) * reach, up > 0.02 ? you : rest);
      stroke(pen, x, middle + 1.5, shaped(down) * reach, down > 0.02 ? agent : rest);
    }
  }
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
