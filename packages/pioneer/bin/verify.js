#!/usr/bin/env node
import "../dist/verify/main.js";
