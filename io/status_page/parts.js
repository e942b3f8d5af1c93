// The parts of the page, each from the JSON of /status. `now` is the process's Unix time in milliseconds.

function top(status, live) {
  return node(
    'header',
    {class: 'top'},
    node('h1', {}, plain(status?.program ?? 'GopherProxy')),
    status && text('soft', `${status.version} · up ${span(status.uptime_seconds * 1000 + live.age)}`),
    status && status.sentinel_id && text('soft mono', status.sentinel_id),
    node('span', {class: 'live', id: 'live'}, node('span', {class: 'dot ' + live.style}), live.words)
  );
}

function verdict(status, now, live) {
  if (live.lost) {
    return node(
      'section',
      {class: 'verdict bad', role: 'status', id: 'verdict'},
      node('div', {class: 'headline'}, 'No answer from this process'),
      node('div', {class: 'words'}, status ? `What is below was true ${span(live.age)} ago. ` : '', live.lost)
    );
  }
  if (!status)
    return node(
      'section',
      {class: 'verdict info', role: 'status', id: 'verdict'},
      node('div', {class: 'headline'}, 'Loading')
    );
  let [style, headline] = VERDICTS[status.state] ?? ['info', plain(status.state)];
  if (status.state === 'degraded' && status.problems.some(problem => problem.level === 'bad')) style = 'bad';
  const backends = status.backends,
    up = backends.list.filter(backend => backend.state === 'up').length;
  const few = backends.list.length === backends.count;
  const taking =
    status.registry.live === undefined
      ? `${up} of ${plural(backends.count, 'target', 'targets')} up`
      : few
        ? `${up} of ${plural(backends.count, 'backend', 'backends')} take requests`
        : `${number(status.registry.live)} of ${plural(backends.count, 'backend', 'backends')} live`;
  if (status.state === 'ok' || status.state === 'degraded') headline += ': ' + taking;
  if (status.draining) headline += ', requests in flight end by ' + clock(status.draining.until_unix_ms);
  return node(
    'section',
    {class: 'verdict ' + style, role: 'status', id: 'verdict', 'data-state': plain(status.state)},
    node('div', {class: 'headline'}, headline),
    ['failing', 'starting'].includes(status.state) && node('div', {class: 'words'}, plain(status.readiness)),
    status.problems.length > 0 &&
      node(
        'ul',
        {class: 'problems'},
        status.problems.map(problem =>
          node(
            'li',
            {},
            text('what ' + plain(problem.level), problem.what),
            text('mono', problem.subject),
            text('hostile', words(problem.why)),
            problem.since_unix_ms != null && node('span', {class: 'age'}, 'for ' + span(now - problem.since_unix_ms))
          )
        )
      )
  );
}

function tile(name, figure, unit, note, style) {
  return node(
    'div',
    {class: 'card tile'},
    node('h2', {}, name),
    node('div', {class: 'figure ' + (style ?? '')}, figure, unit && node('small', {}, unit)),
    node('div', {class: 'note'}, note)
  );
}

function tiles(traffic) {
  const errors = traffic.error_ratio;
  return node(
    'section',
    {class: 'tiles'},
    tile(
      'Requests',
      number(traffic.requests_per_second),
      '/s',
      plural(traffic.total.requests, 'since the start', 'since the start')
    ),
    tile(
      'Errors',
      percent(errors),
      '',
      `${number(traffic.window.failed)} in the last minute`,
      errors >= 0.1 ? 'bad' : errors >= 0.01 ? 'warning' : ''
    ),
    tile(
      'Latency p95',
      latency(traffic.p95_ms),
      '',
      `p50 ${latency(traffic.p50_ms)} · p99 ${latency(traffic.p99_ms)}`
    ),
    tile(
      'In flight',
      number(traffic.in_flight),
      '',
      plural(traffic.connections, 'client connection', 'client connections')
    ),
    tile('Rate limited', number(traffic.limited_per_second), '/s', `${number(traffic.total.limited)} since the start`)
  );
}

// `lines`: [style, numbers], drawn from the right end, which is now.
function chart(name, keys, lines, seconds, slots, unit) {
  const most = Math.max(...lines.flatMap(([, values]) => values.map(value => value ?? 0)), 0);
  const width = 300,
    height = 90,
    y = value => height - (most > 0 ? (value / most) * (height - 6) : 0);
  const shapes = lines.map(([style, values]) => {
    const x = i => width - ((values.length - 1 - i) / (slots - 1)) * width;
    let line = '',
      fill = '',
      first = null;
    values.forEach((value, i) => {
      if (value == null) {
        first = null;
        return;
      }
      line += `${first == null ? 'M' : 'L'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
      fill +=
        first == null
          ? `M${x(i).toFixed(1)} ${height}L${x(i).toFixed(1)} ${y(value).toFixed(1)}`
          : `L${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
      if (i === values.length - 1 || values[i + 1] == null) fill += `L${x(i).toFixed(1)} ${height}Z`;
      first = i;
    });
    return [
      node('path', {class: 'fill ' + style, d: fill}),
      node('path', {class: 'stroke ' + style, d: line, 'vector-effect': 'non-scaling-stroke'}),
    ];
  });
  return node(
    'div',
    {class: 'card chart'},
    node(
      'div',
      {class: 'head'},
      node('h2', {}, name),
      keys.map(([style, label]) => node('span', {class: 'key ' + style}, label))
    ),
    node(
      'div',
      {class: 'plot'},
      node('div', {class: 'most'}, unit(most)),
      node(
        'svg',
        {viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': name},
        [6, height].map(at =>
          node('line', {class: 'grid-line', x1: 0, x2: width, y1: at, y2: at, 'vector-effect': 'non-scaling-stroke'})
        ),
        shapes
      ),
      node('div', {class: 'span'}, node('span', {}, span(seconds * slots * 1000) + ' ago'), node('span', {}, 'now'))
    )
  );
}

function charts(history) {
  const slots = 150,
    seconds = history.interval_seconds;
  return node(
    'section',
    {class: 'charts'},
    chart(
      'Requests a second',
      [
        ['info', 'all'],
        ['bad', 'failed'],
        ['warning', 'limited'],
      ],
      [
        ['info', history.requests_per_second],
        ['warning', history.limited_per_second],
        ['bad', history.failed_per_second],
      ],
      seconds,
      slots,
      number
    ),
    chart('Latency p95', [['info', 'of answered requests']], [['info', history.p95_ms]], seconds, slots, latency)
  );
}

const failuresInARow = count => plural(count, 'failure', 'failures') + ' in a row';

function why(backend, status, now) {
  const since = span(now - backend.since_unix_ms);
  const last = backend.probes.at(-1);
  switch (backend.state) {
    case 'ejected':
      return [
        node('b', {}, words(backend.ejection.cause)),
        ` · ${failuresInARow(backend.ejection.consecutive_failures)}, kept off by ${backend.ejection.workers} of ` +
          plural(status.workers, 'worker', 'workers'),
        `, tried again in ${span(backend.ejection.until_unix_ms - now)}`,
      ];
    case 'down':
      return [node('b', {}, words(backend.reason) + (last?.status ? ` (${last.status})` : '')), ` · for ${since}`];
    case 'unverified':
      return [node('b', {}, words(backend.reason)), ` · for ${since}; used at its last address`];
    case 'waiting':
      return [
        node(
          'b',
          {},
          backend.reason
            ? words(backend.reason)
            : backend.verdict === 'up'
              ? 'joins the pool'
              : 'its first probe is under way'
        ),
        ` · for ${since}`,
      ];
    default:
      return [
        node(
          'span',
          {class: 'soft'},
          `for ${since}` + (last?.succeeded ? ` · probe took ${latency(last.duration_ms)}` : '')
        ),
      ];
  }
}

function probes(backend, now) {
  const none = Array(Math.max(0, 10 - backend.probes.length))
    .fill(0)
    .map(() => node('span', {class: 'probe none'}));
  const succeeded = backend.probes.filter(probe => probe.succeeded).length;
  return node(
    'div',
    {class: 'probes', role: 'img', 'aria-label': `last probes: ${succeeded} of ${backend.probes.length} succeeded`},
    none,
    backend.probes.map(probe =>
      node('span', {
        class: 'probe ' + (probe.succeeded ? 'good' : 'bad'),
        title:
          `${span(now - probe.at_unix_ms)} ago: ` +
          (probe.succeeded ? 'succeeded' : words(probe.reason)) +
          (probe.status ? ` (${probe.status})` : '') +
          `, took ${latency(probe.duration_ms)}`,
      })
    )
  );
}

function cell(label, value, style) {
  return node('div', {class: 'number ' + (style ?? '')}, node('label', {}, label), value);
}

function backendRow(backend, status, now) {
  const [style, label] = STATES[backend.state] ?? ['info', plain(backend.state)];
  return node(
    'div',
    {class: 'row ' + plain(backend.state), 'data-backend': plain(backend.backend)},
    node(
      'div',
      {class: 'name'},
      node('span', {class: 'pill ' + style}, node('span', {}, label)),
      text('mono', backend.backend)
    ),
    node('div', {class: 'why'}, why(backend, status, now)),
    probes(backend, now),
    backend.window && [
      cell('in flight', number(backend.in_flight)),
      cell('requests', number(backend.requests_per_second) + (backend.requests_per_second == null ? '' : '\u202f/s')),
      cell('errors', percent(backend.error_ratio), backend.error_ratio >= 0.01 ? 'bad' : ''),
      cell(
        'p50 · p95 · p99',
        [backend.p50_ms, backend.p95_ms, backend.p99_ms].every(value => value == null)
          ? '–'
          : [backend.p50_ms, backend.p95_ms, backend.p99_ms].map(latency).join(' · '),
        'latency'
      ),
    ]
  );
}

function backends(status, now) {
  const rows = [...status.backends.list].sort((a, b) => SEVERITY.indexOf(a.state) - SEVERITY.indexOf(b.state));
  const labels = ['', 'why', 'last probes'].concat(
    status.traffic ? ['in flight', 'requests', 'errors', 'p50 · p95 · p99'] : []
  );
  const hidden = status.backends.count - rows.length;
  // Those that are up are the last to be listed.
  const restIsUp = rows.some(backend => backend.state === 'up');
  return node(
    'section',
    {class: 'card backends', id: 'backends'},
    node(
      'div',
      {class: 'head'},
      node('h2', {}, status.traffic ? 'Backends' : 'Targets'),
      status.traffic && text('soft', 'over the last minute')
    ),
    rows.length > 0 &&
      node(
        'div',
        {class: 'row labels'},
        labels.map((label, i) => node('div', {class: i > 2 ? 'number' : ''}, label))
      ),
    rows.map(backend => backendRow(backend, status, now)),
    rows.length === 0 && node('div', {class: 'foot-note'}, 'The registry names no backend.'),
    hidden > 0 && node('div', {class: 'foot-note'}, `${number(hidden)} more are ${restIsUp ? 'up' : 'not shown'}.`),
    status.backends.leaving.length > 0 &&
      node(
        'div',
        {class: 'foot-note'},
        'Left the set, still with requests in flight: ',
        status.backends.leaving.map(backend => [text('mono', backend.backend), ` (${number(backend.in_flight)}) `])
      )
  );
}

const pairs = rows =>
  node(
    'dl',
    {},
    rows
      .filter(Boolean)
      .map(([name, value, style]) => [node('dt', {}, name), node('dd', {class: style ?? ''}, value)])
  );

function limiter(limiter) {
  if (!limiter.enabled)
    return node('div', {class: 'card'}, node('h2', {}, 'Rate limit'), pairs([['Limiter', 'off']]));
  const full = limiter.tracked_clients / limiter.table_entries;
  return node(
    'div',
    {class: 'card', id: 'limiter'},
    node('h2', {}, 'Rate limit'),
    pairs([
      ['Each client', `${number(limiter.rate_per_second)}\u202f/s, burst ${number(limiter.burst)}`],
      ['Clients tracked', number(limiter.tracked_clients)],
      ['Table', `${number(limiter.table_entries)} entries, ${bytes(limiter.table_bytes)}`],
      ['Answered 429', number(limiter.limited_total)],
      ['Judged by a shared bucket', number(limiter.overflows_total), limiter.overflows_total > 0 ? 'warning' : ''],
    ]),
    node(
      'div',
      {class: 'bar'},
      node(
        'svg',
        {viewBox: '0 0 100 6', preserveAspectRatio: 'none', role: 'img', 'aria-label': `table ${percent(full)} full`},
        node('rect', {
          class: full >= 0.9 ? 'bad' : 'info',
          fill: 'currentColor',
          width: Math.max(full > 0 ? 1 : 0, full * 100),
          height: 6,
        })
      )
    )
  );
}

function registry(registry, now) {
  const failing = registry.failing;
  return node(
    'div',
    {class: 'card', id: 'registry'},
    node('h2', {}, 'Registry'),
    pairs([
      ['Address', text('mono', registry.address)],
      [
        'State',
        failing ? 'lost: ' + words(failing.reason) : registry.reachable ? 'reachable' : 'not read yet',
        failing ? 'bad' : registry.reachable ? 'good' : '',
      ],
      failing && failing.detail && ['It said', text('hostile', failing.detail)],
      failing && ['Lost for', span(now - failing.since_unix_ms)],
      failing && [
        'Next try in',
        `${span(failing.retry_at_unix_ms - now)} (${failuresInARow(failing.consecutive_failures)})`,
      ],
      registry.last_success_unix_ms != null && ['Last answer', span(now - registry.last_success_unix_ms) + ' ago'],
      ['Failures since the start', number(registry.failures_total)],
      registry.members !== undefined && ['Members', `${number(registry.members)}, ${number(registry.live)} live`],
      registry.lease_ttl_seconds !== undefined && ['Leases last', span(registry.lease_ttl_seconds * 1000)],
      registry.lease_ttl_seconds !== undefined && [
        'Last write',
        registry.last_write_unix_ms == null ? 'none' : span(now - registry.last_write_unix_ms) + ' ago',
      ],
      registry.lease_ttl_seconds !== undefined && [
        'Members written',
        `${number(registry.members_added_total)} added, ${number(registry.members_removed_total)} removed`,
      ],
    ]),
    registry.rejected_count > 0 &&
      node(
        'ul',
        {class: 'list'},
        registry.rejected
          .slice(0, 20)
          .map(member => node('li', {}, text('mono warning', member.member), ' ', text('soft hostile', member.why))),
        registry.rejected_count > 20 && node('li', {}, `and ${number(registry.rejected_count - 20)} more`)
      )
  );
}

function causes(traffic) {
  const rows = Object.entries(traffic.window.causes).sort((a, b) => b[1] - a[1]);
  return node(
    'div',
    {class: 'card', id: 'causes'},
    node('h2', {}, 'How requests ended'),
    rows.length === 0
      ? node('p', {class: 'soft'}, 'None in the last minute.')
      : pairs(rows.map(([cause, count]) => [words(cause), number(count)]))
  );
}

function notices(notices) {
  return node(
    'section',
    {class: 'card', id: 'notices'},
    node('h2', {}, 'Recent events'),
    node(
      'ul',
      {class: 'list notices'},
      notices.map(notice =>
        node(
          'li',
          {},
          node(
            'span',
            {class: 'soft when', title: new Date(notice.at_unix_ms).toISOString()},
            clock(notice.at_unix_ms)
          ),
          node('span', {class: 'dot ' + plain(notice.level)}),
          node(
            'span',
            {},
            plain(notice.what),
            ' ',
            text('mono', notice.subject),
            notice.why && [' ', text('soft hostile', words(notice.why))],
            notice.count > 1 && node('span', {class: 'count'}, ` ×${number(notice.count)}`)
          )
        )
      )
    )
  );
}

function footer(status) {
  return node(
    'footer',
    {},
    text('', `${status.program} ${status.version} (commit ${status.commit})`),
    text('', 'pid ' + status.pid),
    status.workers !== undefined && text('', plural(status.workers, 'worker', 'workers')),
    node('a', {href: 'status'}, '/status'),
    node('a', {href: 'metrics'}, '/metrics')
  );
}
