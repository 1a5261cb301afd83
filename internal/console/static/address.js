// Addresses and commands to copy.
import { element, setText } from '/players/element.js';

// show fills a list with rows of [label, text]; rows that stay the same are left alone.
export function show(list, rows) {
  while (list.children.length > rows.length) list.lastChild.remove();
  rows.forEach(([label, text], i) => {
    const row = list.children[i] || list.appendChild(makeRow());
    setText(row.querySelector('.label'), label);
    setText(row.querySelector('code'), text);
    row.querySelector('button').setAttribute('aria-label', `Copy: ${label}`);
  });
}

function makeRow() {
  const code = element('code');
  const button = element('button', { type: 'button', class: 'button' }, 'Copy');
  button.addEventListener('click', () => copy(code, button));
  return element('div', { class: 'row' },
    element('span', { class: 'label' }), element('div', { class: 'line' }, code, button));
}

async function copy(code, button) {
  const done = await write(code);
  button.textContent = done ? 'Copied' : 'Press Ctrl+C';
  button.setAttribute('aria-live', 'polite');
  clearTimeout(button.timer);
  button.timer = setTimeout(() => { button.textContent = 'Copy'; }, 2000);
}

// write copies the text, and selects it. Without TLS there is no clipboard to ask for, and the
// old way must do.
async function write(code) {
  getSelection().selectAllChildren(code);
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    return document.execCommand('copy');
  }
}

// quote makes one word of a text for a shell.
export function quote(text) {
  const plain = text.replace(/[\u0000-\u001f\u007f]/g, '');
  return /^[\w./:=@%+,-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", "'\\''")}'`;
}

// absolute makes a whole address of a path on this server.
export const absolute = (url) => new URL(url, location.origin).href;
