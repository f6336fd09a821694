// The map's picture: classes of delay, camera, drawing on a canvas, finding what is under a point.
(function (C) {
  // Upper ends of the delay classes in seconds per vehicle; the last class has none.
  const STEPS = [15, 30, 60, 120];
  // Class borders of the difference brain - baseline.
  const DIFF = [-30, -5, 5, 30];

  C.delayOf = (road, view) => {
    if (view === 'baseline') return road.delay_baseline_s_per_veh;
    if (view === 'brain') return road.delay_brain_s_per_veh;
    const { delay_baseline_s_per_veh: a, delay_brain_s_per_veh: b } = road;
    return a === null || b === null ? null : b - a;
  };
  C.classes = (view) => {
    const borders = view === 'difference' ? DIFF : STEPS;
    const prefix = view === 'difference' ? 'diff-' : 'ramp-';
    const widths = view === 'difference' ? [6, 4.5, 2.5, 4.5, 6] : [2.5, 3.5, 4.5, 6, 7.5];
    return widths.map((width, i) => ({
      token: prefix + i, width, from: i ? borders[i - 1] : null, to: i < borders.length ? borders[i] : null,
    }));
  };
  const classOf = (value, view) => {
    const borders = view === 'difference' ? DIFF : STEPS;
    const i = borders.findIndex((b) => value < b);
    return i < 0 ? borders.length : i;
  };

  // Camera: centre in metres, pixels per metre.
  C.camera = (bounds, width, height) => {
    const w = Math.max(1, bounds.max_x - bounds.min_x);
    const h = Math.max(1, bounds.max_y - bounds.min_y);
    return {
      x: (bounds.min_x + bounds.max_x) / 2,
      y: (bounds.min_y + bounds.max_y) / 2,
      k: Math.min((width - 64) / w, (height - 64) / h),
    };
  };
  const toScreen = (cam, size, p) => [size.w / 2 + (p[0] - cam.x) * cam.k, size.h / 2 - (p[1] - cam.y) * cam.k];

  // A road's course on the screen, moved to the right of its driving direction so that the two
  // directions of a street lie side by side. `off` in pixels.
  function course(cam, size, road, off) {
    const p = road.points.map((q) => toScreen(cam, size, q));
    return p.map((q, i) => {
      const a = p[Math.max(0, i - 1)];
      const b = p[Math.min(p.length - 1, i + 1)];
      const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
      return [q[0] - ((b[1] - a[1]) / length) * off, q[1] + ((b[0] - a[0]) / length) * off];
    });
  }
  const zoomFactor = (cam) => Math.max(0.35, Math.min(1.8, cam.k * 5));

  C.drawMap = (context, size, cam, map, view, picked) => {
    const f = zoomFactor(cam);
    const classes = C.classes(view).map((c) => ({ ...c, colour: C.color(c.token) }));
    const none = C.color('none');
    const text = C.color('text');
    context.clearRect(0, 0, size.w, size.h);
    context.lineCap = 'round';
    context.lineJoin = 'round';
    const stroke = (road, colour, width, dash) => {
      const points = course(cam, size, road, 4.5 * f);
      context.setLineDash(dash || []);
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      points.forEach((p, i) => (i ? context.lineTo(p[0], p[1]) : context.moveTo(p[0], p[1])));
      context.stroke();
    };
    // Worst on top: class by class.
    const by = classes.map(() => []);
    for (const road of map.roads) {
      const value = C.delayOf(road, view);
      if (value === null) stroke(road, none, 1.5 * f, [2, 5]);
      else by[classOf(value, view)].push(road);
    }
    const order = view === 'difference' ? [2, 1, 3, 0, 4] : [0, 1, 2, 3, 4];
    for (const i of order) for (const road of by[i]) stroke(road, classes[i].colour, classes[i].width * f);
    if (picked && picked.road) stroke(picked.road, text, 2);
    context.setLineDash([]);
    const most = map.junctions.reduce((m, j) => Math.max(m, j.decisions), 1);
    for (const j of map.junctions) {
      const [x, y] = toScreen(cam, size, [j.x, j.y]);
      if (x < -20 || y < -20 || x > size.w + 20 || y > size.h + 20) continue;
      const r = j.signalised ? C.junctionRadius(j, most) * Math.max(0.5, f) : 2.5 * f;
      context.beginPath();
      context.arc(x, y, r, 0, 2 * Math.PI);
      context.fillStyle = C.color('bg');
      context.fill();
      context.strokeStyle = picked && picked.junction === j ? text : C.color(j.signalised ? 'decide' : 'muted');
      context.lineWidth = j.signalised ? 2 : 1;
      context.stroke();
      if (j.signalised && j.decisions) {
        // The filled part of the disc: the share of decisions that changed the phase.
        context.beginPath();
        context.moveTo(x, y);
        context.arc(x, y, Math.max(1, r - 1.5), -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * Math.min(1, j.phases_changed / j.decisions));
        context.closePath();
        context.fillStyle = C.color('decide');
        context.fill();
      }
    }
  };
  C.junctionRadius = (j, most) => 5 + 7 * Math.sqrt(j.decisions / most);

  const distance = (p, a, b) => {
    const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    const u = Math.max(0, Math.min(1, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / (dx * dx + dy * dy || 1)));
    return Math.hypot(p[0] - a[0] - u * dx, p[1] - a[1] - u * dy);
  };
  // What is within reach of a point on the screen: a junction before a road.
  C.pick = (p, size, cam, map) => {
    let best = { d: 14 };
    for (const j of map.junctions) {
      const q = toScreen(cam, size, [j.x, j.y]);
      const d = Math.hypot(p[0] - q[0], p[1] - q[1]);
      if (d < best.d) best = { d, junction: j };
    }
    if (best.junction) return best;
    best = { d: 10 };
    const f = zoomFactor(cam);
    for (const road of map.roads) {
      const q = course(cam, size, road, 4.5 * f);
      for (let i = 1; i < q.length; i++) {
        const d = distance(p, q[i - 1], q[i]);
        if (d < best.d) best = { d, road };
      }
    }
    return best.road ? best : null;
  };
})(Conurb);
