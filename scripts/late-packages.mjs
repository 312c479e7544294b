/**
 * What packages ask for while they load and we never or seldom use, found where it is used: a plugin for the bundler. And
 * zeromq's addon, which its package looks for beside its own code, not beside ours.
 */

/** The functions that are called of each. */
const LATE = {
  // Of fastify, for servers that we do not make: 5 ms of a start.
  'node:http2': ['createServer', 'createSecureServer'],
  // Of fastify, for plugins that name its version: 3 ms.
  semver: ['gt', 'coerce', 'satisfies'],
};
const ADDON = `
  const { dirname, join } = require('node:path');
  const { loadAddon } = require('cmake-ts/build/loader');
  exports.__esModule = true;
  exports.default = loadAddon(join(dirname(require.resolve('zeromq/package.json')), 'build'));
`;

export const latePackages = {
  name: 'late-packages',
  setup(build) {
    const filter = new RegExp(`^(?:${Object.keys(LATE).join('|')})$`);
    build.onResolve({ filter }, ({ path, namespace, importer, resolveDir }) =>
      namespace === 'late' || !importer.includes('/node_modules/fastify/')
        ? null
        : { path, namespace: 'late', pluginData: resolveDir },
    );
    build.onLoad({ filter: /./, namespace: 'late' }, ({ path, pluginData }) => ({
      contents: LATE[path]
        .map((name) => `exports.${name} = (...args) => require('${path}').${name}(...args);`)
        .join('\n'),
      resolveDir: pluginData,
    }));
    build.onLoad({ filter: /\/node_modules\/zeromq\/lib\/load-addon\.js$/ }, () => ({
      contents: ADDON,
    }));
  },
};
