// The page: header, banner, sections in order, and what redraws them.
(function (C) {
  const { el, svg, t } = C;
  let watchers = [];
  C.repaintMap = () => {};
  // Draws once the node has a size, and again whenever it changes.
  C.onResize = (node, draw) => {
    const observer = new ResizeObserver(() => draw());
    observer.observe(node);
    watchers.push(observer);
  };

  const logo = () => svg('svg', { width: 24, height: 24, viewBox: '0 0 24 24', 'aria-hidden': 'true' },
    svg('path', { d: 'M12 2v20M2 12h20M5 5l14 14M19 5 5 19', stroke: 'var(--brain)', 'stroke-width': 1.5 }),
    svg('circle', { cx: 12, cy: 12, r: 4.5, fill: 'var(--brain)' }));

  function header() {
    return el('header', {},
      el('div', { class: 'bar' },
        el('span', { class: 'brand' }, logo(), 'Conurb'),
        el('span', { class: 'spacer' }),
        C.switcher(t('theme'), 'theme-switch', [{ value: 'light', label: t('light') }, { value: 'dark', label: t('dark') }], C.theme, (v) => C.go('theme', v)),
        C.switcher('语言 / Language', 'lang-switch', [{ value: 'zh', label: '中文', lang: 'zh-CN' }, { value: 'en', label: 'English', lang: 'en' }], C.lang, (v) => C.go('lang', v))),
      el('h1', {}, t('title', { city: C.say(C.report.city) })));
  }

  function facts() {
    const r = C.report;
    const day = /^\d{4}-\d\d-\d\d/.exec(r.start);
    const offset = /(Z|[+-]\d\d:\d\d)$/.exec(r.start);
    return el('dl', { class: 'facts' },
      C.fact(t('simulated'), (day ? day[0] + ' ' : '') + C.clock(0) + ' – ' + C.clock(r.span_s)
        + (offset ? ' (' + (offset[1] === 'Z' ? 'UTC' : 'UTC' + offset[1].replace('-', '\u2212')) + ')' : '') + ' · ' + C.duration(r.span_s)),
      C.fact(t('information_level'), r.information_level.code),
      C.fact(t('mode'), t('mode_' + r.mode)),
      C.fact(t('seeds'), r.seeds.length > 8 ? C.num(r.seeds.length) : r.seeds.join(', ')),
      C.fact(t('brain'), r.policy.name + ' ' + r.policy.version),
      C.fact(t('version'), r.product.name + ' ' + r.product.version));
  }

  // What the brain knew belongs beside every result, not at the end of the page.
  function knew() {
    const r = C.report;
    return el('div', { class: 'knew' },
      el('p', { class: 'note' }, el('strong', {}, t('information_level') + ' ' + r.information_level.code + t('colon')), C.say(r.information_level.says)),
      el('p', { class: 'note' }, el('strong', {}, t('baseline') + t('colon')), C.say(r.baseline.says)));
  }

  function banner() {
    const r = C.report;
    if (!r.synthetic) return null;
    return el('div', { class: 'banner', role: 'note', 'data-testid': 'synthetic-banner' },
      C.icon('warn'),
      el('p', {}, el('strong', {}, t('synthetic')), ' ', C.say(r.synthetic_note)));
  }

  function worse() {
    const bad = C.report.kpis.filter((k) => k.declared && k.worse_than_baseline);
    if (!bad.length) return null;
    return el('div', { class: 'banner', role: 'note' }, C.icon('warn'),
      el('p', {}, t('declared_worse', { names: new Intl.ListFormat(C.locale()).format(bad.map((k) => C.say(k.name))) })));
  }

  function nav(sections) {
    return el('nav', { 'aria-label': t('contents') }, sections.map(([id, label]) => el('button', {
      type: 'button',
      onclick: () => {
        const target = document.querySelector('#' + id + ' h2');
        target.scrollIntoView();
        target.focus({ preventScroll: true });
      },
    }, label)));
  }

  C.draw = () => {
    C.lang = C.langFromPlace();
    C.theme = C.themeFromPlace();
    const root = document.documentElement;
    root.lang = C.locale();
    root.dataset.theme = C.theme;
    document.title = t('title', { city: C.say(C.report.city) }) + ' - Conurb';
    const focus = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.value : null;
    watchers.forEach((w) => w.disconnect());
    watchers = [];
    const seeds = C.seedsSection();
    const sections = [
      ['s-score', t('scorecard')], ['s-map', t('map')], ['s-series', t('series')], ['s-decisions', t('decisions')],
      ['s-signals', t('signals')], seeds && ['s-seeds', t('seeds')], ['s-method', t('method')], ['s-inputs', t('inputs')],
    ].filter(Boolean);
    const app = document.getElementById('app');
    C.clear(app).append(el('div', { class: 'wrap' },
      header(), banner(), worse(), facts(), knew(), nav(sections),
      el('main', {},
        C.scorecard(), C.mapSection(), C.charts(), C.decisionsSection(), C.signalsSection(), seeds,
        C.methodSection(), C.inputsSection()),
      el('footer', {}, t('footer', { name: C.report.product.name, version: C.report.product.version, schema: C.report.schema_version }))),
    C.report.synthetic ? el('div', { class: 'watermark', 'aria-hidden': 'true' }, t('watermark')) : null || '');
    if (focus) {
      const again = document.querySelector('header [data-value="' + CSS.escape(focus) + '"]');
      if (again) again.focus();
    }
    root.dataset.ready = C.lang;
  };

  window.addEventListener('hashchange', C.draw);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', C.draw);
  // Paper is white: print in the light theme with every sample open, then go back.
  let before = null;
  window.addEventListener('beforeprint', () => {
    before = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = 'light';
    document.querySelectorAll('details.decision').forEach((d) => { d.open = true; });
    C.repaintMap();
  });
  window.addEventListener('afterprint', () => {
    document.documentElement.dataset.theme = before || 'light';
    C.repaintMap();
  });
  C.draw();
})(Conurb);
