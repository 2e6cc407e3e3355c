/** What the agent wants to know before the call: a form made from its inputs, remembered between visits. */

import { label } from "./client.js";
import { element } from "./dom.js";
import { recall, remember } from "./memory.js";

const RESERVED = new Set(["agent", "lang", "transport"]);

export class Inputs {
  #form;
  #agent = "";
  #fields = new Map(); // name -> {spec, control}

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.#form = form;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", () => this.#keep());
  }

  /**
   * Asks for what this agent takes.
   * @param {string} agent
   * @param {import("../../client/index.js").InputInfo[]} specs
   * @param {URLSearchParams} said what the page's address says counts more than what is remembered
   */
  ask(agent, specs, said) {
    this.#agent = agent;
    this.#fields.clear();
    this.#form.replaceChildren();
    const kept = keptOf(agent);
    for (const spec of specs) {
      const control = made(spec);
      const value = said.get(addressed(spec.name)) ?? (Object.hasOwn(kept, spec.name) ? kept[spec.name] : null);
      if (value !== undefined && value !== null) control.value = String(value);
      this.#fields.set(spec.name, { spec, control });
      this.#form.append(this.#row(spec, control));
    }
    this.#form.hidden = specs.length === 0;
  }

  /** What was filled in, by name; what was left empty is the agent's own choice. */
  get values() {
    const values = Object.create(null); // an input may be called "__proto__"
    for (const [name, { spec, control }] of this.#fields) {
      if (control.value === "") continue;
      if (spec.type === "boolean") values[name] = control.value === "true";
      else values[name] = spec.type === "text" ? control.value : Number(control.value);
    }
    return values;
  }

  /** The same for an address that carries them; a name that addresses have a meaning for stands behind `input.` there. */
  get inAddress() {
    return Object.fromEntries(Object.entries(this.values).map(([name, value]) => [addressed(name), value]));
  }

  /** Whether the call can be made; shows the first field that is missing or wrong. */
  check() {
    return this.#form.hidden || this.#form.reportValidity();
  }

  /** @param {boolean} disabled during a call nothing can be changed */
  disable(disabled) {
    for (const { control } of this.#fields.values()) control.disabled = disabled;
  }

  #keep() {
    const values = this.values;
    remember(`inputs.${this.#agent}`, Object.keys(values).length > 0 ? JSON.stringify(values) : "");
  }

  #row(spec, control) {
    const id = `input-${spec.name}`;
    // No `name`: a form has its fields by their names, and one called "hidden" would stand for whether the form is.
    control.id = id;
    const named = element("label", { for: id, dir: "auto" }, spec.name.replaceAll("_", " "));
    if (spec.required) named.append(element("span", { class: "needed" }, ` (${label("required")})`));
    const row = element("div", { class: "field asked" }, named, control);
    if (spec.doc) {
      row.append(element("p", { class: "doc", id: `${id}-doc`, dir: "auto" }, spec.doc));
      control.setAttribute("aria-describedby", `${id}-doc`);
    }
    return row;
  }
}

function addressed(name) {
  return RESERVED.has(name) ? `input.${name}` : name;
}

/** What was filled in at the last visit; nothing where the store holds something else. */
function keptOf(agent) {
  try {
    return Object(JSON.parse(recall(`inputs.${agent}`) ?? "{}"));
  } catch {
    return {};
  }
}

function made(spec) {
  if (spec.choices?.length || spec.type === "boolean") {
    const values = spec.type === "boolean" ? [["true", label("yes")], ["false", label("no")]] : spec.choices.map((one) => [one, one]);
    const select = element("select", {}, element("option", { value: "" }, spec.required ? "" : unsaid(spec)));
    for (const [value, said] of values) select.append(element("option", { value }, said));
    select.required = spec.required;
    return select;
  }
  const control = element("input", { type: spec.type === "text" ? "text" : "number", autocomplete: "off" });
  control.required = spec.required;
  if (spec.type === "text") {
    control.maxLength = spec.max_length ?? 500;
    if (spec.pattern) control.pattern = spec.pattern;
  } else {
    control.step = spec.type === "integer" ? "1" : "any";
    control.inputMode = "decimal";
    if (spec.range) [control.min, control.max] = spec.range.map(String);
  }
  if (!spec.required) control.placeholder = unsaid(spec);
  return control;
}

function unsaid({ default: value }) {
  if (typeof value === "boolean") return label(value ? "yes" : "no");
  return value === undefined || value === null || value === "" ? label("unset") : String(value);
}
