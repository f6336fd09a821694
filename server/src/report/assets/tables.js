// Tables and method: signals, seeds, inputs, limits, how to make the report again.
(function (C) {
  const { el, t } = C;
  const PAGE = 50;

  // A table whose heads sort it; missing values always last; long tables unfold on request.
  C.sortable = (caption, columns, rows, start) => {
    let column = start ? start.column : 0;
    let down = start ? start.down : false;
    let shown = PAGE;
    const body = el('tbody', {});
    const heads = columns.map((c, i) => el('th', { scope: 'col', class: c.n ? 'n' : null },
      el('button', {
        type: 'button',
        onclick: () => {
          down = column === i ? !down : Boolean(c.n);
          column = i;
          draw();
        },
      }, c.label, el('span', { 'aria-hidden': 'true' }, ''))));
    const more = el('button', { type: 'button', class: 'more', onclick: () => { shown = rows.length; draw(); } }, '');
    function draw() {
      const key = columns[column].key;
      const sorted = rows.slice().sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        if (x === null || y === null) return (x === null) - (y === null);
        const order = typeof x === 'number' ? x - y : String(x).localeCompare(String(y), C.locale(), { numeric: true });
        return down ? -order : order;
      });
      heads.forEach((h, i) => {
        h.setAttribute('aria-sort', i === column ? (down ? 'descending' : 'ascending') : 'none');
        h.querySelector('span').textContent = i === column ? (down ? ' \u2193' : ' \u2191') : '';
      });
      C.clear(body).append(...sorted.slice(0, shown).map((row) => el('tr', {},
        columns.map((c) => el('td', { class: [c.n ? 'n' : '', c.class || ''].join(' ').trim() || null }, c.cell(row))))));
      more.hidden = shown >= rows.length;
      more.textContent = t('show_all', { n: C.num(rows.length) });
    }
    draw();
    return el('div', {},
      el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
        el('table', {}, el('caption', {}, caption), el('thead', {}, el('tr', {}, heads)), body)),
      more);
  };

  C.signalsSection = () => {
    const r = C.report;
    const unit = r.prediction ? r.prediction.unit : '';
    const withUnit = (label) => (unit ? label + ' (' + C.unitName(unit) + ')' : label);
    const saved = (s) => (s.measured_sum === null || s.counterfactual_sum === null ? null : s.measured_sum - s.counterfactual_sum);
    return el('section', { id: 's-signals', 'data-testid': 'signals' },
      el('h2', { tabindex: -1 }, t('signals')),
      el('p', { class: 'note' }, t('signals_note')),
      r.signals.length ? C.sortable(t('signals'), [
        { label: t('signal_id'), cell: (s) => s.id, key: (s) => s.id, class: 'id mono' },
        { label: t('d_total'), n: true, cell: (s) => C.num(s.decisions), key: (s) => s.decisions },
        { label: t('changed'), n: true, cell: (s) => C.num(s.changed), key: (s) => s.changed },
        { label: t('d_watchdog'), n: true, cell: (s) => C.num(s.watchdog), key: (s) => s.watchdog },
        { label: withUnit(t('mean_abs_error')), n: true, cell: (s) => C.num(s.mean_abs_error), key: (s) => s.mean_abs_error },
        { label: withUnit(t('measured')), n: true, cell: (s) => C.num(s.measured_sum), key: (s) => s.measured_sum },
        { label: withUnit(t('counterfactual')), n: true, cell: (s) => C.num(s.counterfactual_sum), key: (s) => s.counterfactual_sum },
        { label: withUnit(t('measured_minus_counterfactual')), n: true, cell: (s) => C.num(saved(s)), key: saved },
      ], r.signals) : el('p', {}, t('nothing_here')));
  };

  C.seedsSection = () => {
    const r = C.report;
    if (r.seeds_table.length < 2) return null;
    const rows = r.seeds_table.flatMap((row) => r.kpis.map((k) => ({ seed: row.seed, kpi: k, f: row.kpis[k.id] }))).filter((x) => x.f);
    return el('section', { id: 's-seeds', 'data-testid': 'seeds' },
      el('h2', { tabindex: -1 }, t('seeds')),
      el('p', { class: 'note' }, t('seeds_note', { n: C.num(r.seeds.length) })),
      C.sortable(t('seeds'), [
        { label: t('seed'), n: true, cell: (x) => String(x.seed), key: (x) => x.seed },
        { label: t('kpi'), cell: (x) => C.say(x.kpi.name), key: (x) => C.say(x.kpi.name) },
        { label: t('unit'), cell: (x) => C.unitName(x.kpi.unit), key: (x) => x.kpi.unit },
        { label: t('baseline'), n: true, cell: (x) => C.num(x.f.baseline), key: (x) => x.f.baseline },
        { label: t('brain'), n: true, cell: (x) => C.num(x.f.brain), key: (x) => x.f.brain },
        { label: t('webster'), n: true, cell: (x) => C.num(x.f.webster), key: (x) => x.f.webster },
      ], rows, { column: 1, down: false }));
  };

  C.methodSection = () => {
    const r = C.report;
    const parameters = Object.entries(r.policy.parameters);
    return el('section', { id: 's-method', 'data-testid': 'method' },
      el('h2', { tabindex: -1 }, t('method')),
      el('h3', {}, t('information_level') + ' ' + r.information_level.code), el('p', {}, C.say(r.information_level.says)),
      el('h3', {}, t('baseline')), el('p', {}, C.say(r.baseline.says)),
      el('h3', {}, t('webster')), el('p', {}, r.webster ? C.say(r.webster.says) : t('webster_not_run')),
      el('h3', {}, t('brain')), el('p', {}, C.say(r.policy.says)),
      el('p', { class: 'note mono' }, r.policy.name + ' ' + r.policy.version + (parameters.length ? ' · ' : '')
        + parameters.map(([k, v]) => k + ' = ' + JSON.stringify(v)).join(', ')),
      el('h3', {}, t('limits')),
      r.limits.length ? el('ul', { class: 'plain' }, r.limits.map((l) => el('li', {}, C.say(l)))) : el('p', {}, t('nothing_here')));
  };

  C.inputsSection = () => {
    const r = C.report;
    return el('section', { id: 's-inputs', 'data-testid': 'inputs' },
      el('h2', { tabindex: -1 }, t('inputs')),
      C.table(t('inputs_caption'), [
        { label: t('role'), cell: (i) => i.role },
        { label: t('file'), cell: (i) => el('span', { class: 'mono' }, i.file) },
        { label: t('size'), n: true, cell: (i) => C.num(i.bytes, 0) + '\u00a0B' },
        { label: 'SHA-256', cell: (i) => el('span', { class: 'mono' }, i.sha256), class: 'id' },
        { label: t('notes'), cell: (i) => (i.notes.length ? el('ul', { class: 'plain' }, i.notes.map((n) => el('li', {}, n))) : t('none')) },
      ], r.inputs),
      el('h3', {}, t('reproduce')),
      el('p', { class: 'note' }, t('reproduce_note', { version: r.product.version })),
      el('pre', { 'data-testid': 'command' }, el('code', {}, r.command)),
      r.ledger ? [
        el('h3', {}, t('ledger')),
        el('p', {}, t('ledger_note', { n: C.num(r.ledger.entries), file: r.ledger.file })),
        el('p', { class: 'mono' }, r.ledger.head_hash),
        el('pre', {}, el('code', {}, 'conurb decide verify --data . --head ' + r.ledger.head_hash)),
      ] : el('p', {}, t('no_ledger')));
  };
})(Conurb);
