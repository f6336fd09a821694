// Headline scorecard: one card per KPI, and a bar chart of the changes with their intervals.
(function (C) {
  const { el, svg, t } = C;

  const verdict = (kpi) => {
    if (kpi.brain === kpi.baseline) return 'same';
    return kpi.worse_than_baseline ? 'worse' : 'better';
  };
  const tag = (kpi) => {
    const v = verdict(kpi);
    const words = { same: t('same'), worse: t('worse_than_baseline'), better: t('better_than_baseline') };
    const shape = v === 'same' ? 'same' : v === 'worse' ? 'warn' : 'check';
    return el('span', { class: 'tag ' + v }, C.icon(shape), words[v]);
  };

  C.intervalText = (kpi) => {
    const i = kpi.interval;
    if (!i) return t('one_run');
    const of = i.of === 'difference brain - baseline' ? t('of_difference') : i.of;
    return t('interval', {
      level: C.num(i.level * 100), of, low: C.num(i.low), high: C.qty(i.high, kpi.unit), n: C.num(i.n), method: i.method,
    });
  };

  function bars(kpi) {
    const rows = [['baseline', t('baseline'), kpi.baseline], ['brain', t('brain'), kpi.brain]];
    if (kpi.webster !== null) rows.push(['webster', t('webster'), kpi.webster]);
    const top = Math.max(...rows.map((r) => Math.abs(r[2])), 1e-12);
    return el('div', { class: 'pair' }, rows.map(([colour, label, value]) => [
      el('span', {}, label),
      el('span', {}, C.qty(value, kpi.unit)),
      el('span', { class: 'track', 'aria-hidden': 'true' },
        el('span', { class: 'fill', style: 'background:var(--' + colour + ');width:' + (100 * Math.abs(value)) / top + '%' })),
    ]));
  }

  function card(kpi) {
    return el('article', { class: 'card ' + verdict(kpi), 'data-testid': 'kpi', 'data-kpi': kpi.id },
      el('h3', {}, C.say(kpi.name)),
      el('div', { class: 'big' }, C.pct(kpi.change_pct), ' ', el('small', {}, t('against_baseline'))),
      el('div', {}, tag(kpi), ' ', kpi.declared ? el('span', { class: 'tag plain' }, t('declared')) : null),
      bars(kpi),
      el('div', { class: 'note' }, kpi.better === 'lower' ? t('lower_better') : t('higher_better'), ' · ',
        kpi.change_vs_webster_pct === null ? t('webster_not_run') : t('against_webster', { change: C.pct(kpi.change_vs_webster_pct) })),
      el('div', { class: 'note' }, C.intervalText(kpi)),
      el('div', { class: 'id mono' }, kpi.id));
  }

  // Horizontal bars of the change in per cent, both comparisons, with the interval as a whisker.
  function changes(kpis) {
    const rows = kpis.filter((k) => k.change_pct !== null);
    // On a narrow screen the names stand above their bars.
    const narrow = window.innerWidth < 640;
    const width = narrow ? 360 : 640;
    const step = narrow ? 64 : 46;
    const left = narrow ? 4 : 216;
    const above = narrow ? 22 : 6;
    const right = 64;
    const span = (k) => {
      const i = k.interval;
      if (!i || k.baseline === 0) return null;
      return [(100 * i.low) / k.baseline, (100 * i.high) / k.baseline].sort((a, b) => a - b);
    };
    const all = rows.flatMap((k) => [0, k.change_pct, k.change_vs_webster_pct ?? 0, ...(span(k) || [])]);
    const low = Math.min(...all);
    const high = Math.max(...all);
    const room = 0.04 * (high - low || 1);
    const x = (v) => left + ((v - low + room) / (high - low + 2 * room || 1)) * (width - left - right);
    const height = rows.length * step + 8;
    const bar = (v, y, colour, size) => svg('rect', {
      x: Math.min(x(0), x(v)), y, width: Math.max(1, Math.abs(x(v) - x(0))), height: size, fill: 'var(--' + colour + ')',
    });
    return svg('svg', { class: 'plot changes', viewBox: '0 0 ' + width + ' ' + height, role: 'img', 'aria-label': t('changes_title') },
      rows.map((k, r) => {
        const y = r * step + above;
        const whisker = span(k);
        const name = C.say(k.name);
        const cut = C.lang === 'zh' ? 16 : 33;
        return [
          svg('text', { class: 'value', x: narrow ? left : left - 10, y: narrow ? y - 6 : y + 13, 'text-anchor': narrow ? 'start' : 'end' }, name.length > cut ? name.slice(0, cut - 1) + '…' : name),
          bar(k.change_pct, y, 'brain', 14),
          whisker && svg('path', { d: 'M' + x(whisker[0]) + ' ' + (y + 7) + 'H' + x(whisker[1]) + 'M' + x(whisker[0]) + ' ' + (y + 2) + 'v10M' + x(whisker[1]) + ' ' + (y + 2) + 'v10', stroke: 'var(--text)', 'stroke-width': 1.5, fill: 'none' }),
          svg('text', { class: 'value', x: width, y: y + 12, 'text-anchor': 'end' }, C.pct(k.change_pct)),
          k.change_vs_webster_pct !== null && [
            bar(k.change_vs_webster_pct, y + 18, 'webster', 8),
            svg('text', { x: width, y: y + 27, 'text-anchor': 'end' }, C.pct(k.change_vs_webster_pct)),
          ],
        ];
      }),
      svg('line', { class: 'zero', x1: x(0), x2: x(0), y1: 0, y2: height }));
  }

  C.scorecard = () => {
    const r = C.report;
    const head = r.kpis.find((k) => k.declared) || r.kpis[0];
    return el('section', { id: 's-score', 'data-testid': 'scorecard' },
      el('h2', { tabindex: -1 }, t('scorecard')),
      head ? el('p', {}, el('strong', {}, C.say(head.says))) : el('p', {}, t('no_kpi')),
      el('p', { class: 'note' }, r.seeds.length > 1 ? t('means_over_seeds', { n: C.num(r.seeds.length) }) : t('one_run_long')),
      el('div', { class: 'cards' }, r.kpis.map(card)),
      el('div', { class: 'figure', 'data-testid': 'chart' },
        el('h3', {}, t('changes_title')),
        el('div', { class: 'legend' },
          key('brain', t('brain_vs_baseline')), r.webster ? key('webster', t('brain_vs_webster')) : null,
          r.kpis.some((k) => k.interval) ? el('span', { class: 'muted' }, t('whisker')) : null),
        changes(r.kpis),
        C.behind(t('table_behind'), () => C.table(t('scorecard'), [
          { label: t('kpi'), cell: (k) => [C.say(k.name), ' ', el('span', { class: 'mono muted' }, k.id)], class: 'id' },
          { label: t('unit'), cell: (k) => C.unitName(k.unit) },
          { label: t('baseline'), n: true, cell: (k) => C.num(k.baseline) },
          { label: t('brain'), n: true, cell: (k) => C.num(k.brain) },
          { label: t('webster'), n: true, cell: (k) => C.num(k.webster) },
          { label: t('change'), n: true, cell: (k) => C.pct(k.change_pct) },
          { label: t('change_vs_webster'), n: true, cell: (k) => C.pct(k.change_vs_webster_pct) },
          { label: t('interval_head'), cell: (k) => C.intervalText(k) },
        ], r.kpis))));
  };
  function key(colour, label) {
    return el('span', { class: 'key' }, svg('svg', { width: 16, height: 12, 'aria-hidden': 'true' }, svg('rect', { width: 16, height: 12, fill: 'var(--' + colour + ')' })), label);
  }
})(Conurb);
