// Base of the report page: data, language, numbers, and the only ways elements are made.
// Every text of the report goes through text nodes; no markup is ever parsed.
'use strict';
const Conurb = {};

(function (C) {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  C.report = read('report');
  C.messages = read('messages');
  C.lang = 'en';
  C.theme = 'light';

  // --- language ---------------------------------------------------------------------------
  const hash = () => new URLSearchParams(location.hash.slice(1));
  C.langFromPlace = () => {
    const asked = hash().get('lang') || navigator.language || 'en';
    return asked.toLowerCase().startsWith('zh') ? 'zh' : 'en';
  };
  C.themeFromPlace = () => {
    const asked = hash().get('theme');
    if (asked === 'dark' || asked === 'light') return asked;
    return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  };
  C.go = (key, value) => {
    const params = hash();
    params.set(key, value);
    history.replaceState(null, '', '#' + params.toString());
    C.draw();
  };
  C.locale = () => (C.lang === 'zh' ? 'zh-CN' : 'en-GB');

  // A whole sentence with {placeholders}; a missing key shows itself.
  C.t = (key, values) => {
    const text = C.messages[C.lang][key];
    if (text === undefined) return '[' + key + ']';
    return text.replace(/\{(\w+)\}/g, (_, name) => String((values || {})[name] ?? ''));
  };
  C.say = (text) => (text ? text[C.lang] || text.en || text.zh : '');

  // --- numbers and units --------------------------------------------------------------------
  const UNITS = {
    zh: { s: '秒', veh: '辆', m: '米', km: '公里', kg: '千克', t: '吨', 1: '', 'veh s': '车·秒', 's/veh': '秒/辆', min: '分钟', h: '小时' },
    en: { 1: '' },
  };
  C.unit = (unit) => UNITS[C.lang][unit] ?? unit;
  C.unitName = (unit) => (unit === '1' ? C.t('ratio') : C.unit(unit));
  const digits = (value) => {
    const size = Math.abs(value);
    if (Number.isInteger(value) || size >= 10000) return 0;
    return size >= 100 ? 1 : size >= 1 ? 2 : 3;
  };
  C.num = (value, places) => {
    if (value === null || value === undefined) return C.t('not_measured');
    const d = places ?? digits(value);
    const text = new Intl.NumberFormat(C.locale(), { minimumFractionDigits: d, maximumFractionDigits: d }).format(value);
    return text.replace('-', '\u2212');
  };
  C.qty = (value, unit, places) => {
    if (value === null || value === undefined) return C.t('not_measured');
    const u = C.unit(unit);
    return u ? C.num(value, places) + '\u00a0' + u : C.num(value, places);
  };
  C.pct = (value) => {
    if (value === null || value === undefined) return C.t('not_measured');
    return (value > 0 ? '+' : '') + C.num(value, 1) + '\u00a0%';
  };
  // Simulated clock of the city: seconds after the start, in the start's own offset.
  C.clock = (seconds, withSeconds) => {
    const m = /T(\d\d):(\d\d)(?::(\d\d))?/.exec(C.report.start);
    const zero = m ? Number(m[1]) * 3600 + Number(m[2]) * 60 + Number(m[3] || 0) : 0;
    const at = Math.floor(zero + seconds);
    const two = (n) => String(n).padStart(2, '0');
    const text = two(Math.floor(at / 3600) % 24) + ':' + two(Math.floor(at / 60) % 60);
    return withSeconds ? text + ':' + two(at % 60) : text;
  };
  C.duration = (seconds) => {
    if (seconds % 3600 === 0) return C.qty(seconds / 3600, 'h');
    return seconds % 60 === 0 ? C.qty(seconds / 60, 'min') : C.qty(seconds, 's');
  };

  // --- elements ---------------------------------------------------------------------------
  const NS = 'http://www.w3.org/2000/svg';
  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
      else if (name === 'style') node.style.cssText = value;
      else node.setAttribute(name, value === true ? '' : String(value));
    }
    for (const child of children.flat(Infinity)) {
      if (child === null || child === undefined || child === false) continue;
      node.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return node;
  }
  C.el = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
  C.svg = (name, attributes, ...children) => fill(document.createElementNS(NS, name), attributes, children);
  C.clear = (node) => {
    while (node.firstChild) node.removeChild(node.firstChild);
    return node;
  };
  C.color = (name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
  C.icon = (shape) => {
    const paths = {
      up: 'M8 3 L14 13 L2 13 Z',
      down: 'M8 13 L2 3 L14 3 Z',
      same: 'M2 7 H14 V9 H2 Z',
      warn: 'M8 1 L15.5 14.5 H0.5 Z',
      check: 'M6.5 13 L1.5 8 L3 6.5 L6.5 10 L13 3 L14.5 4.5 Z',
    };
    return C.svg('svg', { width: 12, height: 12, viewBox: '0 0 16 16', 'aria-hidden': 'true' }, C.svg('path', { d: paths[shape], fill: 'currentColor' }));
  };

  // A two-way or more switch: [{value, label}], the current value, what to do.
  C.switcher = (label, testid, choices, current, choose) =>
    C.el('div', { class: 'group', role: 'group', 'aria-label': label, 'data-testid': testid },
      choices.map((c) => C.el('button', { type: 'button', lang: c.lang, 'aria-pressed': String(c.value === current), 'data-value': c.value, onclick: () => choose(c.value) }, c.label)));

  // Columns: {label, n: numeric?, cell: row -> text or node, key: row -> sort key, class}.
  C.table = (caption, columns, rows, rowAttributes) =>
    C.el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
      C.el('table', {},
        C.el('caption', {}, caption),
        C.el('thead', {}, C.el('tr', {}, columns.map((c) => C.el('th', { scope: 'col', class: c.n ? 'n' : null }, c.label)))),
        C.el('tbody', {}, rows.map((row) => C.el('tr', rowAttributes ? rowAttributes(row) : {},
          columns.map((c) => C.el('td', { class: [c.n ? 'n' : '', c.class || ''].join(' ').trim() || null }, c.cell(row))))))));

  // A table folded behind a chart or map.
  C.behind = (label, make) => {
    const box = C.el('div', {});
    let made = false;
    return C.el('details', {
      ontoggle: (event) => {
        if (event.target.open && !made) {
          made = true;
          box.append(make());
        }
      },
    }, C.el('summary', {}, label), box);
  };
})(Conurb);
