/** Elements and their texts. Everything foreign is text, never markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} tag
 * @param {Record<string, string | number | boolean>} [attributes]
 * @param {...(Node | string)} children
 */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** Changes a text only if it is another one, so that readers and selections are left alone. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Changes an attribute only if it is another one. */
export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

/**
 * A container with one child for each item, in their order. A child stays the same element as long as its item has the same key,
 * so focus and selection survive every change.
 *
 * @template T
 * @param {Element} container
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => { node: Element, update: (item: T, ...context: any[]) => void }} make
 * @returns {(items: T[], ...context: any[]) => void} what each update gets besides its item may follow the items
 */
export function keyedChildren(container, keyOf, make) {
  let children = new Map();
  return (items, ...context) => {
    const next = new Map();
    for (const item of items) {
      const key = keyOf(item);
      if (next.has(key)) continue;
      const child = children.get(key) ?? make(item);
      child.update(item, ...context);
      next.set(key, child);
    }
    for (const [key, { node }] of children) if (!next.has(key)) node.remove();
    let place = container.firstElementChild;
    for (const { node } of next.values()) {
      if (node === place) place = place.nextElementSibling;
      else container.insertBefore(node, place);
    }
    children = next;
  };
}
