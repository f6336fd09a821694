// Decisions: how many went which way, how good the predictions were, and a dozen explained.
(function (C) {
  const { el, svg, t } = C;

  function counts() {
    const d = C.report.decisions;
    const rows = [
      [t('d_total'), d.total], [t('d_auto'), d.auto], [t('d_approved'), d.approved], [t('d_rejected'), d.rejected],
      [t('d_advised'), d.advised], [t('d_overturned'), d.overturned], [t('d_watchdog'), d.watchdog],
    ];
    return el('div', { class: 'counts', 'data-testid': 'decision-counts' },
      rows.map(([label, n]) => el('div', { class: 'count' }, el('b', {}, C.num(n)), el('span', {}, label))));
  }

  function prediction() {
    const p = C.report.prediction;
    if (!p) return el('p', {}, t('no_prediction'));
    return el('p', {},
      t('prediction', {
        kpi: p.kpi, n: C.num(p.n), mae: C.qty(p.mean_abs_error, p.unit), bias: C.qty(p.mean_error, p.unit),
      }), ' ',
      p.coverage === null ? t('no_coverage') : t('coverage', {
        share: C.num(100 * p.coverage, 1),
        level: p.coverage_level === null ? t('not_measured') : C.num(100 * p.coverage_level),
      }));
  }

  // Predicted value as a dot with its interval on the scale shared by all options.
  function dot(option, range, chosen) {
    if (option.predicted === null) return t('not_predicted');
    const x = (v) => 4 + ((v - range[0]) / (range[1] - range[0] || 1)) * 152;
    const has = option.predicted_low !== null && option.predicted_high !== null;
    return svg('svg', { width: 160, height: 20, viewBox: '0 0 160 20', 'aria-hidden': 'true' },
      has && svg('line', { x1: x(option.predicted_low), x2: x(option.predicted_high), y1: 10, y2: 10, stroke: 'var(--muted)', 'stroke-width': 3 }),
      svg('circle', { cx: x(option.predicted), cy: 10, r: 5, fill: chosen ? 'var(--brain)' : 'var(--bg)', stroke: 'var(--brain)', 'stroke-width': 2 }));
  }

  function optionTable(d) {
    const all = d.options.flatMap((o) => [o.predicted, o.predicted_low, o.predicted_high]).filter((v) => v !== null);
    const range = [Math.min(...all), Math.max(...all)];
    const predicted = (o) => {
      if (o.predicted === null) return t('not_predicted');
      if (o.predicted_low === null || o.predicted_high === null) return C.qty(o.predicted, d.unit);
      return t('with_interval', { value: C.num(o.predicted), low: C.num(o.predicted_low), high: C.qty(o.predicted_high, d.unit) });
    };
    const rows = d.options.map((option, i) => ({ option, i }));
    return C.table(t('options', { kpi: d.kpi }), [
      { label: t('option'), cell: ({ option }) => C.say(option.label) },
      { label: t('predicted'), n: true, cell: ({ option }) => predicted(option) },
      { label: t('scale'), cell: ({ option, i }) => dot(option, range, i === d.chosen) },
      {
        label: t('state'),
        cell: ({ option, i }) => (i === d.chosen ? el('span', { class: 'tag better' }, C.icon('check'), t('chosen'))
          : option.refused_by ? [el('span', { class: 'tag worse' }, C.icon('warn'), t('refused')), ' ', option.refused_by] : t('possible')),
      },
    ], rows, ({ option, i }) => ({ class: i === d.chosen ? 'chosen' : option.refused_by ? 'refused' : null }));
  }

  function outcome(d) {
    const value = (v) => (v === null ? t('not_measured') : C.qty(v, d.unit));
    return el('dl', { class: 'facts' },
      fact(t('predicted') + ' (' + d.measured_kpi + ')', value(d.expected)),
      fact(t('measured'), value(d.measured)),
      fact(t('counterfactual'), [value(d.counterfactual), d.counterfactual_method ? el('div', { class: 'note' }, d.counterfactual_method) : null]),
      fact(t('mode'), t('mode_' + d.mode)),
      fact(t('record'), el('span', { class: 'mono' }, d.id)),
      fact(t('input_hash'), el('span', { class: 'mono' }, d.input_hash)));
  }
  const fact = (label, value) => el('div', {}, el('dt', {}, label), el('dd', {}, value));
  C.fact = fact;

  const short = (id) => id.split(':').pop();
  function sample(d, i) {
    const chosen = d.options[d.chosen];
    return el('details', { class: 'decision', open: i === 0, 'data-testid': 'decision' },
      el('summary', {}, el('span', { class: 'mono' }, C.clock(d.at_s, true)), ' · ', short(d.subject), ' · ',
        el('strong', {}, chosen ? C.say(chosen.label) : '')),
      el('div', {}, el('p', {}, C.say(d.why)), optionTable(d), outcome(d)));
  }

  C.decisionsSection = () => {
    const r = C.report;
    return el('section', { id: 's-decisions', 'data-testid': 'decisions' },
      el('h2', { tabindex: -1 }, t('decisions')),
      el('p', { class: 'note' }, t('decisions_note', { mode: t('mode_' + r.mode) })),
      counts(),
      el('h3', {}, t('prediction_title')), prediction(),
      el('h3', {}, t('samples')),
      r.sample_decisions.length ? r.sample_decisions.map(sample) : el('p', {}, t('nothing_here')));
  };
})(Conurb);
