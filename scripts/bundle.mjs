/**
 * What runs, bundled straight from src to dist in about a second: `npm start` does this alone, `npm run build` makes the
 * types besides. Plain JavaScript: it runs before anything is compiled.
 */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { latePackages } from './late-packages.mjs';
import { writeNotices } from './notices.mjs';

/**
 * What runs as a process: a file each, compiled once (src/code-cache). Packages are in it, but for those that find files
 * of their own: a native addon, a worker, and what is loaded for a terminal or for its completion.
 */
const PROGRAMS = [
  'cli/main',
  'engine-core/main',
  'frontend/api-server/main',
  'frontend/dp-coordinator/main',
  'frontend/dp-supervisor/main',
  'frontend/scenario-server/main',
];
const LOADED_BY_PROGRAMS = ['zeromq/package.json', 'tinypool', 'pino-pretty', 'yargs'];
/** What others import: the library, and the workers that a pool or a fork loads. They share chunks. */
const MODULES = [
  'index',
  'testing/index',
  'testing/vitest',
  'engine-core/structured-output/grammar-worker',
  'frontend/openai/workers/text-worker',
  'frontend/openai/workers/template-process',
];
/** Of swagger-ui the page needs three files; the package with what it depends on would weigh ten megabytes in an install. */
const SWAGGER_UI = [
  'static/swagger-ui.css',
  'static/swagger-ui-bundle.js',
  'static/favicon-32x32.png',
  'LICENSE',
];

const root = fileURLToPath(new URL('..', import.meta.url));
const path = (name) => join(root, name);

/** Bundles with the packages of `packages`, a node_modules folder. */
export async function bundle(packages) {
  const { build, stop } = createRequire(join(packages, 'any'))('esbuild');
  const { dependencies } = JSON.parse(readFileSync(path('package.json'), 'utf8'));
  const used = new Set();
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20',
    nodePaths: [packages],
    plugins: [latePackages],
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  };
  const run = async (options) => {
    const { metafile, outputFiles } = await build({ ...common, ...options });
    for (const input of Object.keys(metafile.inputs)) used.add(input);
    return outputFiles;
  };
  // First, so that what an interrupted build leaves counts as none.
  rmSync(path('dist/.built'), { force: true });
  rmSync(path('dist'), { recursive: true, force: true });
  copyData(packages);
  await run({
    entryPoints: ['src/code-cache/run-program.ts'],
    outfile: 'dist/code-cache.cjs',
    format: 'cjs',
  });
  const { WRAPPER } = createRequire(import.meta.url)(path('dist/code-cache.cjs'));
  await Promise.all([
    ...PROGRAMS.map((name) => bundleProgram(run, name, WRAPPER)),
    bundleModules(run, Object.keys(dependencies)),
    bundlePage(run),
  ]);
  // Its process would live as long as ours, which goes on to serve, and holds 700 MB.
  await stop();
  writeNotices(root, [...used]);
}

/** The program itself, and the file that stands for it, which says what it was when it was built. */
async function bundleProgram(run, name, [before, after]) {
  const outfile = `dist/${name}.bundle.cjs`;
  await run({
    entryPoints: [`src/${name}.ts`],
    outfile,
    format: 'cjs',
    external: LOADED_BY_PROGRAMS,
    define: { 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
    banner: { js: before },
    footer: { js: after },
  });
  // What is still imported is none of the bundle's: see WRAPPER.
  const written = readFileSync(path(outfile), 'latin1');
  const text = written.replace(/\bimport\((?="[^"]*"\))/g, '$$mport(');
  writeFileSync(path(outfile), text, 'latin1');
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const runner = relative(dirname(`dist/${name}`), 'dist/code-cache.cjs');
  // Commands that do different things compile different functions.
  const variant = name === 'cli/main' ? ', variant: process.argv[2]' : '';
  writeFileSync(
    path(`dist/${name}.cjs`),
    `'use strict';\nrequire('${runner}').runProgram({ module, require, hash: '${hash}'${variant} });\n`,
  );
}

function bundleModules(run, dependencies) {
  return run({
    entryPoints: MODULES.map((name) => ({ in: `src/${name}.ts`, out: name })),
    outdir: 'dist',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    external: [...dependencies, 'vitest'],
    // Packages that are CommonJS require what Node has built in.
    banner: {
      js: "import { createRequire as createRequire_ } from 'node:module'; const require = createRequire_(import.meta.url);",
    },
  });
}

/**
 * The page with its script and style inside: one file, which is served and which a recording is put into. `<` in the
 * script's strings cannot end it: esbuild writes `<\/script`.
 */
async function bundlePage(run) {
  const outputs = await run({
    entryPoints: ['src/page/main.tsx'],
    outdir: 'dist/page',
    write: false,
    minify: true,
    sourcemap: false,
    format: 'esm',
    platform: 'browser',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  const textOf = (ending) => outputs.find((file) => file.path.endsWith(ending))?.text ?? '';
  const html = readFileSync(path('src/page/index.html'), 'utf8')
    .replace('/* page.css */', () => textOf('.css'))
    .replace('/* page.js */', () => textOf('.js'));
  mkdirSync(path('dist/page'), { recursive: true });
  writeFileSync(path('dist/page/index.html'), html);
}

/** The files that the code reads beside itself. */
function copyData(packages) {
  cpSync(path('src'), path('dist'), {
    recursive: true,
    // The page is built into one file of its own.
    filter: (source) => !/\.(ts|md)$/.test(source) && source !== path('src/page'),
  });
  for (const file of SWAGGER_UI)
    cpSync(
      join(packages, '@fastify/swagger-ui', file),
      path(`dist/frontend/http/swagger-ui/${file.replace('static/', '')}`),
    );
}
