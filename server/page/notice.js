/** The box that says what went wrong and what helps: `#problem[role=alert][data-problem=code]`. */

import { label } from "./client.js";
import { element, icon } from "./dom.js";

export class Notice {
  #box;

  /** @param {HTMLElement} box */
  constructor(box) {
    this.#box = box;
  }

  /** The code of what is shown, or null. */
  get code() {
    return this.#box.hidden ? null : this.#box.dataset.problem;
  }

  /**
   * @param {import("../../client/index.js").CallProblem} problem
   * @param {{label: string, run: () => void} | null} action what a button offers
   */
  show(problem, action = null) {
    this.hide();
    const text = element("div", { class: "problem-text" });
    text.append(element("h2", {}, problem.title));
    if (problem.message) text.append(element("p", { dir: "auto" }, problem.message));
    if (problem.remedy) text.append(element("p", { class: "remedy", dir: "auto" }, problem.remedy));
    const dismiss = element("button", { type: "button", id: "dismiss", "aria-label": label("dismiss") }, icon("close"));
    dismiss.addEventListener("click", () => this.hide());
    this.#box.replaceChildren(icon(problem.kind === "info" ? "info" : "warning"), text, dismiss);
    if (action) {
      const button = element("button", { type: "button", id: "retry" }, action.label);
      button.addEventListener("click", () => {
        this.hide();
        action.run();
      });
      text.append(button);
    }
    this.#box.dataset.problem = problem.code;
    this.#box.dataset.kind = problem.kind;
    this.#box.hidden = false;
    this.#box.scrollIntoView({ block: "nearest" });
  }

  hide() {
    this.#box.hidden = true;
    this.#box.replaceChildren();
    delete this.#box.dataset.problem;
    delete this.#box.dataset.kind;
  }
}
