/** The box that says what went wrong and what helps: `#problem[role=alert][data-problem=code]`. */

import { element, icon } from "./dom.js";

export class Notice {
  #box;
  #countdown = 0;

  /** @param {HTMLElement} box */
  constructor(box) {
    this.#box = box;
  }

  /** The code of what is shown, or null. */
  get code() {
    return this.#box.hidden ? null : this.#box.dataset.problem;
  }

  /**
   * @param {import("./errors.js").CallProblem} problem
   * @param {{label: string, run: () => void} | null} action what a button offers; with `retryAfter` it
   *   counts down first
   */
  show(problem, action = null) {
    this.hide();
    const text = element("div", { class: "problem-text" });
    text.append(element("h2", {}, problem.title));
    if (problem.message) text.append(element("p", {}, problem.message));
    if (problem.remedy) text.append(element("p", { class: "remedy" }, problem.remedy));
    const dismiss = element("button", { type: "button", id: "dismiss", "aria-label": "Dismiss" }, icon("close"));
    dismiss.addEventListener("click", () => this.hide());
    this.#box.replaceChildren(icon(problem.kind === "info" ? "info" : "warning"), text, dismiss);
    if (action) {
      // The box is announced once; the running seconds are for the eyes only.
      const actions = element("div", { class: "actions", "aria-live": "off" });
      actions.append(this.#button(action, problem.retryAfter));
      text.append(actions);
    }
    this.#box.dataset.problem = problem.code;
    this.#box.dataset.kind = problem.kind;
    this.#box.hidden = false;
    this.#box.scrollIntoView({ block: "nearest" });
  }

  hide() {
    clearInterval(this.#countdown);
    this.#box.hidden = true;
    this.#box.replaceChildren();
    delete this.#box.dataset.problem;
    delete this.#box.dataset.kind;
  }

  #button({ label, run }, wait) {
    const button = element("button", { type: "button", id: "retry" }, label);
    const until = performance.now() + (wait ?? 0) * 1000;
    const count = () => {
      const left = Math.ceil((until - performance.now()) / 1000);
      if (left <= 0) clearInterval(this.#countdown);
      // Not `disabled`: a button that loses the focus throws keyboard users back to the top of the page.
      button.setAttribute("aria-disabled", String(left > 0));
      const seconds = element("span", { class: "seconds", "aria-hidden": "true" }, ` in ${left} s`);
      button.replaceChildren(label, ...(left > 0 ? [seconds] : []));
    };
    count();
    if (wait) this.#countdown = setInterval(count, 250);
    button.addEventListener("click", () => {
      if (button.getAttribute("aria-disabled") === "true") return;
      this.hide();
      run();
    });
    return button;
  }
}
