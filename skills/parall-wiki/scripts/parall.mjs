#!/usr/bin/env node
/** The `parall` command of the installed plugin, by a path that is the same on every host. Needs no network to start. */
import "../../../bin/parall.js";
