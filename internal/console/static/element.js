// Makes and changes what is on a page. Text is only ever set as text: a stream's name is the
// choice of whoever publishes it.

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'onclick') node.addEventListener('click', value);
    else if (value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export const byId = (id) => document.getElementById(id);

// setText leaves a node alone that says so already, so that a selection in it stays.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
