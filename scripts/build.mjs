/**
 * `npm run build`: compiles src to dist and copies the data files that the code reads beside itself. `--fresh` (before
 * packing) starts from nothing, so that no file of an older tree stays behind.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * What runs as a process: each is loaded as a few files instead of some two hundred modules, which is half of a start.
 * What they share, and what is imported only when used, stands in chunks.
 */
const ENTRY_POINTS = [
  'cli/main.js',
  'engine-core/main.js',
  'frontend/api-server/main.js',
  'frontend/dp-coordinator/main.js',
  'frontend/dp-supervisor/main.js',
  'frontend/scenario-server/main.js',
  'frontend/openai/workers/template-process.js',
  'frontend/openai/workers/text-worker.js',
];

const path = (relative) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const started = Date.now();
const tsc = path('node_modules/typescript/bin/tsc');
if (process.argv.includes('--fresh')) rmSync(path('dist'), { recursive: true, force: true });
mkdirSync(path('dist'), { recursive: true });
cpSync(path('src'), path('dist'), {
  recursive: true,
  // The page is built into one file of its own.
  filter: (source) => !/\.(ts|md)$/.test(source) && source !== path('src/page'),
});
// Of swagger-ui the page needs three files; the package with what it depends on would weigh ten megabytes in an install.
const SWAGGER_UI = [
  'static/swagger-ui.css',
  'static/swagger-ui-bundle.js',
  'static/favicon-32x32.png',
  'LICENSE',
];
for (const file of SWAGGER_UI)
  cpSync(
    path(`node_modules/@fastify/swagger-ui/${file}`),
    path(`dist/frontend/http/swagger-ui/${file.replace('static/', '')}`),
  );
const { status } = spawnSync(process.execPath, [tsc, '-p', path('tsconfig.json')], {
  stdio: 'inherit',
});
if (status === 0) {
  await bundle();
  await bundlePage();
}
if (existsSync(path('dist/cli/main.js'))) chmodSync(path('dist/cli/main.js'), 0o755);
if (status !== 0) process.exit(status ?? 1);
// Says when dist was made, so that the next start knows whether there is anything to build. Stamped with the start of
// this build: a source saved meanwhile counts as newer.
writeFileSync(path('dist/.built'), '');
utimesSync(path('dist/.built'), started / 1000, started / 1000);

/**
 * The page with its script and style inside: one file, which is served and which a recording is put into. `<` in the
 * script's strings cannot end it: esbuild writes `<\/script`.
 */
async function bundlePage() {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [path('src/page/main.tsx')],
    outdir: path('dist/page'),
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { 'process.env.NODE_ENV': '"production"' },
    legalComments: 'none',
    logLevel: 'warning',
  });
  const textOf = (ending) => outputFiles.find((file) => file.path.endsWith(ending))?.text ?? '';
  const html = readFileSync(path('src/page/index.html'), 'utf8')
    .replace('/* page.css */', () => textOf('.css'))
    .replace('/* page.js */', () => textOf('.js'));
  mkdirSync(path('dist/page'), { recursive: true });
  writeFileSync(path('dist/page/index.html'), html);
}

async function bundle() {
  const { build } = await import('esbuild');
  rmSync(path('dist/chunks'), { recursive: true, force: true });
  for (const file of ENTRY_POINTS) {
    await build({
      entryPoints: [path(`dist/${file}`)],
      outdir: path('dist'),
      outbase: path('dist'),
      allowOverwrite: true,
      bundle: true,
      splitting: true,
      chunkNames: `chunks/${file.replace(/(\/main)?\.js$/, '')}/[name]-[hash]`,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      // Errors and logs show the names of classes.
      keepNames: true,
      logLevel: 'warning',
    });
  }
}
