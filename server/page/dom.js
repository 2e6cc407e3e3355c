/** Small helpers to find, make and name elements. Text only ever becomes a text node: nothing said can become markup. */

import { label } from "./client.js";

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes] `data-...`, `class`, ...
 * @param {...(Node | string)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** One of the icons drawn in index.html. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** The element with this id, which index.html has. */
export function byId(id) {
  return document.getElementById(id);
}

/** Writes the words of the language into what says by `data-say...` which ones it wants. */
export function translate(root = document) {
  for (const node of root.querySelectorAll("[data-say]")) setText(node, label(node.dataset.say));
  for (const [data, attribute] of [["sayAria", "aria-label"], ["sayTitle", "title"], ["sayPlaceholder", "placeholder"]]) {
    const name = data.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`);
    for (const node of root.querySelectorAll(`[data-${name}]`)) node.setAttribute(attribute, label(node.dataset[data]));
  }
}

/** Changes a text only where it is another one: screen readers repeat what is set. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
