'use strict';
// Apart from the check, because a Node from before `import()` cannot even read this line.
import('../dist/cli/main.js');
