// Time series: baseline, brain and the strongest fixed plan over the simulated clock.
(function (C) {
  const { el, svg, t } = C;
  const LINES = [
    { id: 'baseline', dash: '2 3', width: 2 },
    { id: 'webster', dash: '8 4', width: 2 },
    { id: 'brain', dash: null, width: 2.5 },
  ];
  const name = (id) => ({ baseline: t('baseline'), brain: t('brain'), webster: t('webster') })[id];

  // Round tick distances: 1, 2 or 5 times a power of ten.
  function ticks(top, wanted) {
    if (!(top > 0)) return [0, 1];
    const raw = top / wanted;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
    const out = [];
    for (let v = 0; v <= top + step * 0.999; v += step) out.push(v);
    return out;
  }
  function timeTicks(span) {
    const steps = [60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
    const step = steps.find((s) => span / s <= 8) || 86400;
    const out = [];
    for (let v = 0; v <= span; v += step) out.push(v);
    return out;
  }

  C.chart = (series) => {
    const lines = LINES.filter((l) => series[l.id] && series[l.id].length);
    const hidden = new Set();
    const readout = el('div', { class: 'readout', 'aria-live': 'polite' });
    const plotBox = el('div', {});
    const count = Math.max(1, ...lines.map((l) => series[l.id].length));
    const span = (count - 1) * series.step_s;
    let at = null;

    function draw() {
      const width = Math.max(300, Math.round(plotBox.clientWidth) || 560);
      const height = 240;
      const [left, right, above, below] = [52, 12, 10, 26];
      const shown = lines.filter((l) => !hidden.has(l.id));
      const top = shown.reduce((m, l) => series[l.id].reduce((a, v) => Math.max(a, v), m), 0);
      const ys = ticks(top, 4);
      const max = ys[ys.length - 1];
      const x = (i) => left + (i / Math.max(1, count - 1)) * (width - left - right);
      const y = (v) => height - below - (v / max) * (height - above - below);
      const path = (values) => {
        // At most two points a pixel: keep the extremes of each bucket.
        const bucket = Math.max(1, Math.floor(values.length / (2 * width)));
        let d = '';
        for (let i = 0; i < values.length; i += bucket) {
          let v = values[i];
          for (let j = i; j < Math.min(values.length, i + bucket); j++) v = Math.max(v, values[j]);
          d += (i ? 'L' : 'M') + x(i).toFixed(1) + ' ' + y(v).toFixed(1);
        }
        return d;
      };
      const cursor = svg('g', { 'aria-hidden': 'true' });
      const picture = svg('svg', {
        class: 'plot', viewBox: '0 0 ' + width + ' ' + height, tabindex: 0, role: 'img',
        'aria-label': t('chart_label', { name: C.say(series.name), unit: C.unitName(series.unit) }),
        onpointermove: (e) => move(((e.offsetX * width) / (picture.clientWidth || width) - left) / (width - left - right) * (count - 1)),
        onpointerleave: () => show(null),
        onkeydown: (e) => {
          const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[e.key];
          if (by) move((at ?? 0) + by);
          else if (e.key === 'Home') move(0);
          else if (e.key === 'End') move(count - 1);
          else if (e.key === 'Escape') show(null);
          else return;
          e.preventDefault();
        },
      },
      ys.map((v) => [
        svg('line', { class: 'axis', x1: left, x2: width - right, y1: y(v), y2: y(v) }),
        svg('text', { x: left - 8, y: y(v) + 4, 'text-anchor': 'end' }, C.num(v)),
      ]),
      timeTicks(span).map((s, i, all) => svg('text', {
        x: x(s / series.step_s), y: height - 6,
        'text-anchor': i === 0 ? 'start' : i === all.length - 1 && s > span * 0.97 ? 'end' : 'middle',
      }, C.clock(s))),
      shown.map((l) => svg('path', {
        d: path(series[l.id]), fill: 'none', stroke: 'var(--' + l.id + ')', 'stroke-width': l.width,
        'stroke-dasharray': l.dash, 'stroke-linejoin': 'round',
      })),
      cursor);
      function move(i) {
        show(Math.max(0, Math.min(count - 1, Math.round(i))));
      }
      function show(i) {
        at = i;
        C.clear(cursor);
        if (i === null) {
          readout.textContent = t('readout_hint');
          return;
        }
        cursor.append(svg('line', { class: 'zero', x1: x(i), x2: x(i), y1: above, y2: height - below }));
        for (const l of shown) {
          if (series[l.id][i] === undefined) continue;
          cursor.append(svg('circle', { cx: x(i), cy: y(series[l.id][i]), r: 4, fill: 'var(--' + l.id + ')', stroke: 'var(--bg)' }));
        }
        readout.textContent = C.clock(i * series.step_s, true) + '   '
          + shown.map((l) => name(l.id) + ' ' + C.qty(series[l.id][i], series.unit)).join('   ');
      }
      C.clear(plotBox).append(picture);
      show(null);
    }

    const legend = el('div', { class: 'legend' }, lines.map((l) => el('button', {
      type: 'button', 'aria-pressed': 'true',
      onclick: (e) => {
        if (hidden.has(l.id)) hidden.delete(l.id);
        else if (hidden.size < lines.length - 1) hidden.add(l.id);
        e.currentTarget.setAttribute('aria-pressed', String(!hidden.has(l.id)));
        draw();
      },
    }, svg('svg', { width: 28, height: 8, 'aria-hidden': 'true' }, svg('line', {
      x1: 0, x2: 28, y1: 4, y2: 4, stroke: 'var(--' + l.id + ')', 'stroke-width': l.width, 'stroke-dasharray': l.dash,
    })), name(l.id))));

    C.onResize(plotBox, draw);
    return el('div', { class: 'figure', 'data-testid': 'chart', 'data-series': series.id },
      el('h3', {}, C.say(series.name), ' ', el('span', { class: 'muted' }, '(' + C.unitName(series.unit) + ')')),
      legend, plotBox, readout,
      C.behind(t('table_behind'), () => seriesTable(series, lines, count)));
  };

  // At most 200 rows, evenly taken: the file holds all.
  function seriesTable(series, lines, count) {
    const every = Math.ceil(count / 200);
    const rows = [];
    for (let i = 0; i < count; i += every) rows.push(i);
    return C.table(
      every > 1 ? t('every_nth', { n: C.num(every), name: C.say(series.name) }) : C.say(series.name),
      [{ label: t('time'), cell: (i) => C.clock(i * series.step_s, true) }]
        .concat(lines.map((l) => ({ label: name(l.id) + ' (' + C.unitName(series.unit) + ')', n: true, cell: (i) => C.num(series[l.id][i]) }))),
      rows);
  }

  C.charts = () => el('section', { id: 's-series' },
    el('h2', { tabindex: -1 }, t('series')),
    el('p', { class: 'note' }, t('series_note', { seed: String(C.report.seed) })),
    C.report.series.length
      ? el('div', { class: 'two' }, C.report.series.map((s) => C.chart(s)))
      : el('p', {}, t('nothing_here')));
})(Conurb);
