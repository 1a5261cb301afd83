// Rows of figures: what each is called, and what it says.
import { element, setText } from '/players/element.js';

// draw fills a list of descriptions with rows of [name, text]; what stays the same is left alone.
export function draw(list, rows) {
  list.hidden = rows.length === 0;
  while (list.children.length > rows.length) list.lastChild.remove();
  rows.forEach(([name, text], i) => {
    const row = list.children[i] || list.appendChild(element('div', {}, element('dt'), element('dd')));
    setText(row.firstChild, name);
    setText(row.lastChild, text);
  });
}
