// node check.mjs ROOT: type-checks every dashboard of docker/grafana against Grafana's own schema, and every script of
// docker/k6 against k6's types. Prints what does not fit and exits 1. Runs in a copy of its folder, into which `npm ci`
// installs the packages (and which it changes). By hand, as the packages come from the network:
//   mkdir -p .run && cp -r tests/stack/lint .run/ && (cd .run/lint && npm ci --ignore-scripts && node check.mjs ../..)
import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.resolve(process.argv[2]);
const here = process.cwd();
const schema = path.join(here, 'node_modules/@grafana/schema/dist/esm');

// What stands in JSON is the text or number of an enum's member, which TypeScript takes for no member of it: make the
// schema's enums unions of their values. Done once; a file so changed has no enum left.
function openEnums(folder) {
  for (const entry of fs.readdirSync(folder, { recursive: true })) {
    if (!entry.endsWith('.d.ts')) continue;
    const file = path.join(folder, entry);
    const text = fs.readFileSync(file, 'utf8');
    const open = text.replace(/(?:export )?declare enum (\w+) \{([^}]*)\}/g, (all, name, body) => {
      const values = [...body.matchAll(/^\s*\w+ = (.+?),?$/gm)].map((match) => match[1]);
      return `${all.startsWith('export') ? 'export ' : ''}type ${name} = ${values.join(' | ')};`;
    });
    if (open !== text) fs.writeFileSync(file, open);
  }
}

const panelTypes = {
  'stat': ['stat', 'StatPanelCfg', false],
  'state-timeline': ['statetimeline', 'StateTimelinePanelCfg', true],
  'table': ['table', 'TablePanelCfg', true],
  'timeseries': ['timeseries', 'TimeSeriesPanelCfg', true],
};

// A program in which the dashboard, and each panel by itself with the options of its kind, is an object of its type.
function dashboardProgram(dashboard) {
  const lines = [`import type { Dashboard, Panel } from '${schema}/raw/dashboard/x/dashboard_types.gen';`];
  for (const [type, [folder, file, hasFields]] of Object.entries(panelTypes)) {
    const name = folder;
    const wanted = hasFields ? `Options as ${name}Options, FieldConfig as ${name}Fields` : `Options as ${name}Options`;
    lines.push(`import type { ${wanted} } from '${schema}/raw/composable/${folder}/panelcfg/x/${file}_types.gen';`);
    const fields = hasFields ? `& { fieldConfig: { defaults: { custom?: Partial<${name}Fields> } } }` : '';
    lines.push(`type ${name}Panel = Panel & { type: '${type}'; options: ${name}Options } ${fields};`);
  }
  lines.push(`export const whole: Dashboard = ${JSON.stringify(dashboard, null, 1)};`);
  for (const panel of dashboard.panels.filter((one) => one.type !== 'row')) {
    const known = panelTypes[panel.type];
    if (!known) throw new Error(`panel '${panel.title}': no schema is known here for the type ${panel.type}`);
    lines.push(`export const panel${panel.id}: ${known[0]}Panel = ${JSON.stringify(panel, null, 1)};`);
  }
  return lines.join('\n');
}

const options = {
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: [],
};

function check(files, more) {
  const program = ts.createProgram(files, { ...options, ...more });
  const found = ts.getPreEmitDiagnostics(program);
  const host = { getCurrentDirectory: () => here, getCanonicalFileName: (name) => name, getNewLine: () => '\n' };
  process.stdout.write(ts.formatDiagnostics(found, host));
  return found.length;
}

openEnums(path.join(schema, '..'));
let problems = 0;
const dashboards = path.join(root, 'docker/grafana/dashboards');
for (const name of fs.readdirSync(dashboards)) {
  const dashboard = JSON.parse(fs.readFileSync(path.join(dashboards, name), 'utf8'));
  const file = path.join(here, name.replace(/\.json$/, '.ts'));
  fs.writeFileSync(file, dashboardProgram(dashboard));
  problems += check([file], {});
  console.log(`${name}: ${dashboard.panels.length} panels and rows`);
}
const k6 = path.join(root, 'docker/k6');
const scripts = fs.readdirSync(k6).map((name) => path.join(k6, name));
const k6Types = path.join(here, 'node_modules/@types/k6');
problems += check([...scripts, path.join(k6Types, 'global.d.ts')], {
  allowJs: true,
  checkJs: true,
  noImplicitAny: false,
  paths: { 'k6': [`${k6Types}/index.d.ts`], 'k6/*': [`${k6Types}/*`] },
});
console.log(`k6: ${scripts.length} scripts`);
process.exit(problems === 0 ? 0 : 1);
