// The network map: switch of view, pan and zoom by pointer and keys, read-out, legend, table.
(function (C) {
  const { el, svg, t } = C;
  C.mapView = 'difference';

  const bandText = (c) => {
    const unit = 's/veh';
    if (c.from === null) return t('below', { to: C.qty(c.to, unit) });
    if (c.to === null) return t('from_up', { from: C.qty(c.from, unit) });
    return t('from_to', { from: C.num(c.from), to: C.qty(c.to, unit) });
  };

  function legend() {
    const line = (colour, width, dash) => svg('svg', { width: 28, height: 12, 'aria-hidden': 'true' },
      svg('line', { x1: 2, x2: 26, y1: 6, y2: 6, stroke: 'var(--' + colour + ')', 'stroke-width': width, 'stroke-linecap': 'round', 'stroke-dasharray': dash }));
    const words = C.mapView === 'difference'
      ? [t('much_better'), t('better'), t('about_same'), t('worse'), t('much_worse')] : [];
    return el('div', { class: 'swatches', 'data-testid': 'map-legend' },
      el('strong', {}, C.mapView === 'difference' ? t('legend_difference') : t('legend_delay')),
      C.classes(C.mapView).map((c, i) => el('span', { class: 'sw' }, line(c.token, c.width), (words[i] ? words[i] + t('colon') : '') + bandText(c))),
      el('span', { class: 'sw' }, line('none', 2, '2 5'), t('no_vehicle')),
      el('span', { class: 'sw' },
        svg('svg', { width: 20, height: 20, viewBox: '-10 -10 20 20', 'aria-hidden': 'true' },
          svg('circle', { r: 8, fill: 'var(--bg)', stroke: 'var(--decide)', 'stroke-width': 2 }),
          svg('path', { d: 'M0 0V-6.5A6.5 6.5 0 0 1 6.5 0Z', fill: 'var(--decide)' })),
        t('junction_legend')));
  }

  function tipFor(hit) {
    if (hit.junction) {
      const j = hit.junction;
      return [el('b', {}, j.id), j.signalised ? t('signal') : t('no_signal'), el('br'),
        j.signalised && t('junction_tip', { n: C.num(j.decisions), changed: C.num(j.phases_changed) })];
    }
    const r = hit.road;
    const line = (label, delay, n) => [label, t('colon'), C.qty(delay, 's/veh', 1), delay === null ? null : ' · ' + C.qty(n, 'veh'), el('br')];
    return [el('b', {}, r.id),
      t('road_tip', { lanes: C.num(r.lanes), length: C.qty(r.length_m, 'm', 0) }), el('br'),
      line(t('baseline'), r.delay_baseline_s_per_veh, r.vehicles_baseline),
      line(t('brain'), r.delay_brain_s_per_veh, r.vehicles)];
  }

  function canvasBox() {
    const map = C.report.map;
    const canvas = el('canvas', { tabindex: 0, role: 'img', 'aria-label': t('map_label'), 'data-testid': 'map-canvas' });
    const tip = el('div', { class: 'tip', hidden: true, role: 'status' });
    const scaleBar = el('i', {});
    const scaleText = el('span', {});
    const box = el('div', { class: 'mapbox' }, canvas, tip, el('div', { class: 'scale' }, scaleText, scaleBar),
      el('div', { class: 'zoom' },
        el('button', { type: 'button', 'aria-label': t('zoom_in'), onclick: () => zoom(1.5) }, '+'),
        el('button', { type: 'button', 'aria-label': t('zoom_out'), onclick: () => zoom(1 / 1.5) }, '\u2212'),
        el('button', { type: 'button', 'aria-label': t('zoom_all'), onclick: all }, '\u2922')));
    const size = { w: 0, h: 0 };
    let cam = null;
    let picked = null;
    let drag = null;

    function paint() {
      if (!cam) return;
      const ratio = window.devicePixelRatio || 1;
      canvas.width = Math.round(size.w * ratio);
      canvas.height = Math.round(size.h * ratio);
      const context = canvas.getContext('2d');
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      C.drawMap(context, size, cam, map, C.mapView, picked);
      const metres = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000].find((m) => m * cam.k >= 60) || 50000;
      scaleBar.style.width = metres * cam.k + 'px';
      scaleText.textContent = metres >= 1000 ? C.qty(metres / 1000, 'km') : C.qty(metres, 'm');
    }
    function fit() {
      const first = !cam;
      size.w = canvas.clientWidth;
      size.h = canvas.clientHeight;
      if (!size.w) return;
      if (first) cam = C.camera(map.bounds, size.w, size.h);
      paint();
    }
    function all() {
      cam = C.camera(map.bounds, size.w, size.h);
      paint();
    }
    function zoom(by, x = size.w / 2, y = size.h / 2) {
      const k = Math.max(1e-4, Math.min(20, cam.k * by));
      // The place under (x, y) stays there.
      cam.x += (x - size.w / 2) * (1 / cam.k - 1 / k);
      cam.y -= (y - size.h / 2) * (1 / cam.k - 1 / k);
      cam.k = k;
      paint();
    }
    function pan(dx, dy) {
      cam.x -= dx / cam.k;
      cam.y += dy / cam.k;
      paint();
    }
    function hover(x, y) {
      picked = C.pick([x, y], size, cam, map);
      tip.hidden = !picked;
      canvas.style.cursor = picked ? 'pointer' : 'grab';
      if (picked) {
        C.clear(tip).append(...tipFor(picked).flat().filter(Boolean));
        tip.style.left = Math.min(x + 14, Math.max(0, size.w - tip.offsetWidth - 4)) + 'px';
        tip.style.top = Math.min(y + 14, Math.max(0, size.h - tip.offsetHeight - 4)) + 'px';
      }
      paint();
    }
    canvas.addEventListener('pointerdown', (e) => {
      drag = [e.offsetX, e.offsetY];
      canvas.setPointerCapture(e.pointerId);
    });
    canvas.addEventListener('pointermove', (e) => {
      if (!drag) return hover(e.offsetX, e.offsetY);
      pan(e.offsetX - drag[0], e.offsetY - drag[1]);
      drag = [e.offsetX, e.offsetY];
    });
    canvas.addEventListener('pointerup', (e) => {
      drag = null;
      hover(e.offsetX, e.offsetY);
    });
    canvas.addEventListener('pointerleave', () => {
      if (drag) return;
      picked = null;
      tip.hidden = true;
      paint();
    });
    // The page keeps its own scrolling: the wheel zooms once the map has the focus, or with Ctrl.
    canvas.addEventListener('wheel', (e) => {
      if (document.activeElement !== canvas && !e.ctrlKey) return;
      e.preventDefault();
      zoom(Math.exp(-e.deltaY * 0.0015), e.offsetX, e.offsetY);
    }, { passive: false });
    canvas.addEventListener('keydown', (e) => {
      const d = 48;
      const keys = {
        ArrowLeft: () => pan(d, 0), ArrowRight: () => pan(-d, 0), ArrowUp: () => pan(0, d), ArrowDown: () => pan(0, -d),
        '+': () => zoom(1.3), '=': () => zoom(1.3), '-': () => zoom(1 / 1.3), 0: all,
      };
      if (!keys[e.key] || e.metaKey || e.ctrlKey) return;
      e.preventDefault();
      keys[e.key]();
    });
    C.repaintMap = paint;
    C.onResize(canvas, fit);
    return { box, paint };
  }

  function roadTable() {
    const rows = C.report.map.roads.slice();
    return C.sortable(t('roads_table'), [
      { label: t('road'), cell: (r) => r.id, key: (r) => r.id, class: 'id mono' },
      { label: t('lanes'), n: true, cell: (r) => C.num(r.lanes), key: (r) => r.lanes },
      { label: t('vehicles_head'), n: true, cell: (r) => C.num(r.vehicles), key: (r) => r.vehicles },
      { label: t('delay_baseline'), n: true, cell: (r) => C.num(r.delay_baseline_s_per_veh, r.delay_baseline_s_per_veh === null ? undefined : 1), key: (r) => r.delay_baseline_s_per_veh },
      { label: t('delay_brain'), n: true, cell: (r) => C.num(r.delay_brain_s_per_veh, r.delay_brain_s_per_veh === null ? undefined : 1), key: (r) => r.delay_brain_s_per_veh },
      { label: t('delay_difference'), n: true, cell: (r) => C.num(C.delayOf(r, 'difference'), C.delayOf(r, 'difference') === null ? undefined : 1), key: (r) => C.delayOf(r, 'difference') },
    ], rows, { column: 5, down: true });
  }

  C.mapSection = () => {
    const m = C.report.map;
    if (!m.roads.length) return el('section', { id: 's-map', 'data-testid': 'map' }, el('h2', { tabindex: -1 }, t('map')), el('p', {}, t('nothing_here')));
    const { box, paint } = canvasBox();
    const switchBox = el('div', {});
    const legendBox = el('div', {});
    const set = (view) => {
      C.mapView = view;
      const had = switchBox.contains(document.activeElement);
      const s = C.switcher(t('map_view'), 'map-view', [
        { value: 'baseline', label: t('baseline') }, { value: 'brain', label: t('brain') }, { value: 'difference', label: t('difference') },
      ], view, set);
      C.clear(switchBox).append(s);
      C.clear(legendBox).append(legend());
      if (had) s.querySelector('[aria-pressed="true"]').focus();
      paint();
    };
    set(C.mapView);
    return el('section', { id: 's-map', 'data-testid': 'map' },
      el('h2', { tabindex: -1 }, t('map')),
      el('p', { class: 'note' }, t('map_note', { roads: C.num(m.roads.length), signals: C.num(m.junctions.filter((j) => j.signalised).length), seed: String(C.report.seed) })),
      el('div', { class: 'controls' }, switchBox),
      legendBox, box,
      el('p', { class: 'note' }, t('map_keys')),
      C.behind(t('table_behind_map'), roadTable));
  };
})(Conurb);
