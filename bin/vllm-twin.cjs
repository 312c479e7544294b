#!/usr/bin/env node
'use strict';
// The command. It refuses a Node that is too old in one line before anything newer is read: this file and the one with the
// check are written so that even the oldest of them can read them.
var refusalOf = require('./node-version.cjs').refusalOf;

var refusal = refusalOf(process.versions.node);
if (refusal === null) require('../dist/cli/main.cjs');
else {
  console.error(refusal);
  process.exitCode = 2;
}
