'use strict';
// Which versions of Node the package runs on: `engines` of package.json, `>=MAJOR.MINOR`, is the one place that says it.

var oldest = /^>=(\d+)\.(\d+)$/.exec(require('../package.json').engines.node);

/** One line for a Node that is too old ('20.18.3'), null for one that will do. */
exports.refusalOf = function refusalOf(version) {
  var parts = version.split('.');
  var major = Number(parts[0]) - Number(oldest[1]);
  var minor = Number(parts[1]) - Number(oldest[2]);
  if (major > 0 || (major === 0 && minor >= 0)) return null;
  return 'vllm-twin needs Node ' + oldest[1] + '.' + oldest[2] + ' or newer; this is ' + version;
};
