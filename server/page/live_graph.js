/** The graph of the running call, alive: which edge carries something, how much waits on it, what was lost. */

import { label } from "./client.js";
import { element, setText } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";

export class LiveGraph {
  #picture;
  #table;
  #edges = new Map(); // name -> {path, note, row, passed, dropped}

  /** @param {HTMLElement} picture @param {HTMLElement} table a table's body, which says the same in words */
  constructor(picture, table) {
    this.#picture = picture;
    this.#table = table;
  }

  /** Shows this picture, as the server has drawn it. Its own style is left out: the page's is in the page's colours. */
  draw(text) {
    const drawn = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    if (drawn.nodeName !== "svg") return;
    for (const style of drawn.querySelectorAll("style")) style.remove();
    this.#edges.clear();
    this.#table.replaceChildren();
    this.#picture.replaceChildren(document.importNode(drawn, true));
    for (const path of this.#picture.querySelectorAll("path.line")) {
      const name = path.querySelector("title")?.textContent ?? "";
      const note = document.createElementNS(SVG, "text");
      const middle = path.getPointAtLength(path.getTotalLength() / 2);
      note.setAttribute("x", String(middle.x + 6));
      note.setAttribute("y", String(middle.y + 24));
      note.setAttribute("class", "waits");
      path.after(note);
      const row = element("tr", {}, element("th", { scope: "row", dir: "ltr" }, name));
      for (let i = 0; i < 4; i += 1) row.append(element("td"));
      this.#table.append(row);
      this.#edges.set(name, { path, note, row, passed: null, dropped: 0 });
    }
  }

  /** Shows what flows. @param {Record<string, [number, number, number, number, number]>} flows */
  flow(flows) {
    for (const [name, [passed, held, heldMs, dropped, stale]] of Object.entries(flows)) {
      const edge = this.#edges.get(name);
      if (edge === undefined) continue;
      const rate = edge.passed === null ? 0 : passed - edge.passed;
      edge.path.dataset.flows = String(rate > 0);
      edge.path.dataset.loses = String(dropped > edge.dropped);
      setText(edge.note, held > 0 ? `${held}${heldMs > 0 ? ` (${heldMs} ms)` : ""}` : "");
      Object.assign(edge, { passed, dropped });
      const cells = edge.row.querySelectorAll("td");
      [rate, held, dropped, stale].forEach((value, i) => setText(cells[i], String(value)));
    }
  }

  /** The heads of the table. */
  static heads() {
    return ["edge", "per_second", "waiting", "dropped", "stale"].map((key) => element("th", { scope: "col" }, label(key)));
  }
}
